"""Tables: the values that the top level of a logic computes once for each version, not for every reading.

Strategy. A statement costs no more than its syntax unless it has a loop, a comprehension, or a call of a
function of the logic. Without these, it runs for every reading, so its lists and dicts are new each time.
With one of them it is costly, so it runs once, and what it sets is a table: a value that nothing can change.
From there, the names decide which statements run once too:

- those that set or change what such a statement uses, also through the functions that it calls
- those that use a table, such as `FIRST = TABLE[0]` or `TABLE.append(5)`

Two kinds of statement are pinned to each reading, even if they are costly: those that read `config` or
`meta`, also through the functions that they call, because these differ between machines and readings; and
those that make or keep functions (`HANDLERS = {"a": on_a}`), because a function in a table could keep values
of one machine for another. The call of a function may return a function, too. Nothing in the source shows
that, but the first run does: then the source is compiled again, with that statement pinned. A table may be
computed with the help of functions that are kept so; they are frozen meanwhile.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sandbox.allowed import EXCEPTIONS, NAMES, VALUES
from sandbox.check.costs import facade_path
from sandbox.check.defaults import defaults_of
from sandbox.check.scope import COMPREHENSIONS, Binding, Scope, Variable

_DEFINITIONS: Final = (ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Pass)
_LOOPS: Final = (ast.For, ast.While, *COMPREHENSIONS)
_FUNCTIONS: Final = frozenset((*NAMES, *EXCEPTIONS))
#: Functions that call the functions among their arguments, and do not keep them.
_CALLERS: Final = frozenset(("filter", "isinstance", "map", "max", "min", "sorted"))
#: Methods that change their list, dict or set.
_CHANGING: Final = frozenset(
    (
        *(
            "add",
            "append",
            "appendleft",
            "clear",
            "difference_update",
            "discard",
            "extend",
            "extendleft",
            "insert",
            "intersection_update",
        ),
        *(
            "pop",
            "popitem",
            "popleft",
            "remove",
            "reverse",
            "rotate",
            "setdefault",
            "sort",
            "subtract",
            "symmetric_difference_update",
            "update",
        ),
    )
)
_CONSTANTS: Final = frozenset(
    (
        *(f"math.{name}" for name in ("e", "inf", "nan", "pi", "tau")),
        *(f"re.{name}" for name in (*"IMSA", "IGNORECASE", "MULTILINE", "DOTALL", "ASCII")),
    )
)

#: A place in the source, with a message and a hint.
Finding = tuple[ast.AST, str, str]


class TopLevelStatement:
    """A statement of the top level, with the variables of the top level that it names.

    It `sets` some, it `changes` these and those whose value it may change, it `keeps` some as a value, and it
    `uses` all these and others: some `at_once`, and some only when a function in it is called.
    """

    def __init__(self, node: ast.stmt, scope: Scope, binders: dict[ast.AST, Variable]) -> None:
        parts = list(_at_once(node))
        kept = list(_kept(parts, scope))
        self.node = node
        self.sets = {binders[part] for part in ast.walk(node) if part in binders}
        self.uses = {*self.sets, *_variables(ast.walk(node), scope)}
        self.at_once = {*self.sets, *_variables(parts, scope)}
        self.changes = {*self.sets, *_variables(_roots(parts, scope), scope)}
        self.keeps = set(_variables(kept, scope))
        #: Methods such as `LIST.append` that it keeps as a value.
        self.keeps_methods = [
            each for each in kept if isinstance(each, ast.Attribute) and each.attr in _CHANGING
        ]
        self.defines = isinstance(node, _DEFINITIONS)
        self.costly = not self.defines and any(_is_costly(part, scope) for part in parts)
        self.reads_values = any(_is_value(part, scope) for part in ast.walk(node))
        self.makes_function = any(isinstance(part, ast.FunctionDef) for part in parts)
        self.keeps_function = any(_is_function(value, scope) for value in kept)
        self.pinned = False
        self.once = False


class Tables:
    """The statements of the top level, by when they run.

    `first` run once, and `later` for every reading; definitions and pinned statements can be both. `names`
    has the tables that `later` reads, each with the node that sets it first; those in `unsure` are set only
    in some cases. `functions` has the names whose values are known to hold functions.
    """

    def __init__(self, tree: ast.Module, scope: Scope, functions: frozenset[str] = frozenset()) -> None:
        self._scope = scope
        binders = {
            node: variable
            for variable in scope.top.variables.values()
            for node, binding in variable.binders
            if binding is not Binding.IMPORT
        }
        self._lines = [TopLevelStatement(node, scope, binders) for node in tree.body]
        self._add_effects()
        self._pin_by_values()
        self._pin_by_functions(functions)
        self._needed = self._run_once()
        self._tables = {variable for line in self._lines if line.once for variable in line.sets}
        self.first = [line for line in self._lines if line.once or line in self._needed]
        self.later = [line for line in self._lines if not line.once]
        read = self._tables & {variable for line in self.later for variable in line.uses}
        self.names: dict[str, Any] = {
            variable.name: variable.binders[0][0] for variable in sorted(read, key=_place)
        }
        certain = {part for node in tree.body if isinstance(node, ast.Assign) for part in ast.walk(node)}
        self.unsure = {
            variable.name for variable in read if certain.isdisjoint(node for node, _ in variable.binders)
        }

    def _add_effects(self) -> None:
        """Let the statements that use a function change what its body may change."""
        using = _index((line, line.uses) for line in self._lines)
        effects = {
            variable: set(_variables(_roots(ast.walk(line.node), self._scope), self._scope))
            for line in self._lines
            if line.defines
            for variable in line.sets
        }
        ahead = [variable for variable, changed in effects.items() if changed]
        while ahead:
            function = ahead.pop()
            for line in using[function]:
                if not line.defines:
                    line.changes |= effects[function]
                    continue
                for caller in line.sets:
                    if not effects[function] <= effects[caller]:
                        effects[caller] |= effects[function]
                        ahead.append(caller)

    def _pin_by_values(self) -> None:
        """Pin the statements that read `config` or `meta`, and all that use what these set or change."""
        using = _index((line, line.uses) for line in self._lines)
        seen = {line for line in self._lines if line.reads_values}
        ahead = list(seen)
        while ahead:
            line = ahead.pop()
            line.pinned = not line.defines
            for variable in line.changes:
                more = [user for user in using.pop(variable, ()) if user not in seen]
                seen.update(more)
                ahead += more

    def _pin_by_functions(self, known: frozenset[str]) -> None:
        """Pin the statements that make or keep functions, and those that change or keep what these set."""
        touching = _index((line, line.changes | line.keeps) for line in self._lines)
        ahead = [line for line in self._lines if line.pinned]
        for line in self._lines:
            keeps = line.makes_function or (line.keeps_function and not line.costly)
            if (keeps or any(variable.name in known for variable in line.changes)) and not line.defines:
                line.pinned = True
                ahead.append(line)
        while ahead:
            for variable in ahead.pop().changes:
                for line in touching.pop(variable, ()):
                    if not line.defines and not line.pinned and (not line.costly or variable in line.changes):
                        line.pinned = True
                        ahead.append(line)

    def _run_once(self) -> set[TopLevelStatement]:
        """Let all statements run once that must. Return the definitions and pinned statements for them."""
        changing = _index((line, line.changes) for line in self._lines)
        using = _index((line, line.at_once) for line in self._lines)
        needed: set[TopLevelStatement] = set()
        ahead = [line for line in self._lines if line.costly and not line.pinned]
        for line in ahead:
            line.once = True
        while ahead:
            current = ahead.pop()
            helping = [line for variable in current.uses for line in changing.pop(variable, ())]
            following = [
                line for variable in current.sets for line in using.pop(variable, ()) if current.once
            ]
            for line in helping:
                if (line.defines or line.pinned) and line not in needed:
                    needed.add(line)
                    ahead.append(line)
            for line in (*helping, *following):
                if not (line.once or line.defines or line.pinned):
                    line.once = True
                    ahead.append(line)
        return needed

    # Problems and notes for the author.

    def faults(self) -> Iterator[Finding]:
        """Yield the places where the code cannot do what it says."""
        used_after: set[Variable] = set()
        reached = self._reached()
        for line in reversed(self._lines):
            if line.once:
                used_after |= line.uses
                continue
            for variable in sorted(line.at_once & used_after & self._tables, key=_place):
                yield (
                    line.node,
                    f"`{variable.name}` is computed once, also below this line, which runs for every reading",
                    f"Put this line below the last one that uses `{variable.name}`.",
                )
            if line not in self._needed or line in reached:
                yield from self._changed_later(line)
            for method in line.keeps_methods:
                for variable in _variables([_root(method)], self._scope):
                    if variable in self._tables:
                        yield self._cannot_change(method, variable)

    def _reached(self) -> set[TopLevelStatement]:
        """Return `process`, the pinned statements, and the functions that these use, also through others."""
        defining = _index((line, line.sets) for line in self._lines if line.defines)
        ahead = [
            line
            for line in self.later
            if not line.defines or any(variable.name == "process" for variable in line.sets)
        ]
        reached: set[TopLevelStatement] = set()
        while ahead:
            line = ahead.pop()
            reached.add(line)
            ahead += [each for used in line.uses for each in defining.pop(used, ()) if each not in reached]
        return reached

    def _cannot_change(self, node: ast.AST, variable: Variable) -> Finding:
        return (
            node,
            f"`{variable.name}` is computed once for all machines and cannot be changed",
            "list(...) or dict(...) makes a copy. Keep values in state.",
        )

    def _changed_later(self, line: TopLevelStatement) -> Iterator[Finding]:
        for node in ast.walk(line.node):
            changed = _changed(node)
            for variable in _variables([changed], self._scope) if changed is not None else ():
                if variable in self._tables:
                    yield self._cannot_change(node, variable)
            if isinstance(node, ast.FunctionDef):
                yield from self._changed_defaults(node)

    def _changed_defaults(self, function: ast.FunctionDef) -> Iterator[Finding]:
        """Yield the tables that are defaults of parameters which the function changes, and does not set."""
        nodes = list(ast.walk(function))
        changed = {each.id for node in nodes if isinstance(each := _changed(node), ast.Name)}
        changed -= {
            node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        for parameter, default in defaults_of(function.args):
            for variable in _variables([default], self._scope):
                if parameter.arg in changed and variable in self._tables:
                    yield self._cannot_change(default, variable)

    def notes(self) -> Iterator[Finding]:
        """Yield costly code that runs for every reading, and values that functions change in vain."""
        for line in self._lines:
            if line.pinned and line.costly:
                yield (
                    line.node,
                    "this runs for every reading, because it reads `config` or `meta`, or keeps functions",
                    "Values without them are computed once for each version.",
                )
        noted = set[Variable]()
        for node in (node for line in self._lines if line.defines for node in ast.walk(line.node)):
            changed = _changed(node)
            for variable in _variables([changed], self._scope) if changed is not None else ():
                if variable not in self._tables | noted:
                    noted.add(variable)
                    yield (
                        node,
                        f"`{variable.name}` begins anew with each reading",
                        "Keep values between readings in state.",
                    )


def _index(
    lines: Iterable[tuple[TopLevelStatement, set[Variable]]],
) -> dict[Variable, list[TopLevelStatement]]:
    """Return the lines of each variable."""
    made = defaultdict[Variable, list[TopLevelStatement]](list)
    for line, variables in lines:
        for variable in variables:
            made[variable].append(line)
    return made


def _place(variable: Variable) -> tuple[int, str]:
    return variable.line, variable.name


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a statement that run with it, and not only when a function in it is called."""
    ahead = [node]
    while ahead:
        part = ahead.pop()
        yield part
        if isinstance(part, (ast.FunctionDef, ast.Lambda)):
            ahead.append(part.args)
        else:
            ahead.extend(ast.iter_child_nodes(part))


def _variables(nodes: Iterable[ast.AST], scope: Scope) -> Iterator[Variable]:
    """Yield the variables of the top level that these nodes name."""
    for node in nodes:
        variable = scope.variable_of(node) if isinstance(node, ast.Name) else None
        if variable is not None and variable.block is scope.top:
            yield variable


def _roots(nodes: Iterable[ast.AST], scope: Scope) -> Iterator[ast.AST]:
    """Yield the names whose value may change.

    They are before `[...] =` or `del`, before the call of a method, or arguments of a function of the logic.
    """
    for node in nodes:
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield _root(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield _root(node.func)
        elif isinstance(node, ast.Call) and _is_costly(node, scope):
            yield from (_root(value) for value in (*node.args, *(keyword.value for keyword in node.keywords)))


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def _changed(node: ast.AST) -> ast.expr | None:
    """Return the name of the value that an item assignment, a deletion or a method certainly changes."""
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        changed: ast.expr = node
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        changed = node.func.value
    else:
        return None
    while isinstance(changed, ast.Subscript):
        changed = changed.value
    return changed


def _kept(parts: list[ast.AST], scope: Scope) -> Iterator[ast.expr]:
    """Yield the names, facades and lambdas that are used as a value: not called, and not before a dot."""
    apart = {part.func for part in parts if isinstance(part, ast.Call)} | scope.before_dot
    for part in parts:
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in _CALLERS:
            apart.update(part.args)
            apart.update(keyword.value for keyword in part.keywords)
    for part in parts:
        if isinstance(part, (ast.Name, ast.Attribute, ast.Lambda)) and part not in apart:
            yield part


def _is_costly(part: ast.AST, scope: Scope) -> bool:
    """Return whether a part of a statement may cost more than its syntax."""
    if not isinstance(part, ast.Call):
        return isinstance(part, _LOOPS)
    function = part.func
    offered = scope.is_offered(function) or facade_path(function, scope) is not None
    return not offered and not isinstance(function, ast.Attribute)


def _is_function(value: ast.expr, scope: Scope) -> bool:
    if isinstance(value, ast.Lambda):
        return True
    variable = scope.variable_of(value)
    if variable is not None and variable.block is scope.top and variable.bound_by(Binding.FUNCTION):
        return True
    path = facade_path(value, scope)
    offered = isinstance(value, ast.Name) and value.id in _FUNCTIONS and scope.is_offered(value)
    return offered or (path is not None and path not in _CONSTANTS)


def _is_value(node: ast.AST, scope: Scope) -> bool:
    return isinstance(node, ast.Name) and node.id in VALUES and scope.is_offered(node)
