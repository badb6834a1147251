# ruff: noqa: N815 - the names of the visiting methods are those of the syntax nodes
"""Finds uses of a variable before any line can have set it: `unset` lists them.

Strategy. The walk follows each block in the order in which Python runs it, with the set of the variables that
may have a value there. A branch keeps its own set, and both sets are joined after it. A loop or a `try` may
begin with everything that it binds somewhere inside. So a use that is reported fails whenever it runs, and a
use that fails only sometimes is not reported: that is an `UnboundLocalError` of the reading.

A function runs later than its definition, so only its own variables are checked in it.
"""

import ast
from collections.abc import Iterable

from sandbox.check.scope import Binding, Block, Scope, Variable

#: The variables that may have a value; None after `return` and the like, where nothing runs.
Possible = set[Variable] | None


def unset(tree: ast.Module, scope: Scope) -> list[ast.Name]:
    """Return the names whose variable certainly has no value when they are used."""
    return _Flow(tree, scope).found


class _Flow(ast.NodeVisitor):
    def __init__(self, tree: ast.Module, scope: Scope) -> None:
        self.found: list[ast.Name] = []
        self._scope = scope
        self._possible: Possible = set()
        self._here: set[Block] = set()
        self._later: list[tuple[Block, list[ast.AST]]] = [(scope.top, list(tree.body))]
        while self._later:
            block, parts = self._later.pop()
            self._here = {block}
            self._possible = {
                variable
                for variable in block.variables.values()
                if variable.shared or variable.bound_by(Binding.PARAMETER)
            }
            self._all(parts)

    # Helpers.

    def _all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _set(self, variable: Variable | None) -> None:
        if variable is not None and self._possible is not None:
            self._possible.add(variable)

    def _named(self, name: str | None) -> None:
        """Set a variable of the block that runs, by its name."""
        for block in self._here:
            self._set(block.variables.get(name or ""))

    def _branch(self, start: Possible, nodes: Iterable[ast.AST | None]) -> Possible:
        """Return the possible values after a branch."""
        self._possible = None if start is None else set(start)
        self._all(nodes)
        return self._possible

    def _with_all_of(self, node: ast.AST) -> Possible:
        """Return the possible values anywhere inside a loop or a `try`."""
        return None if self._possible is None else self._possible | self._scope.bound_in(node)

    # Names.

    def visit_Name(self, node: ast.Name) -> None:
        """Set the variable, or report that it has no value."""
        variable, _ = self._scope.uses[node]
        if isinstance(node.ctx, ast.Store):
            self._set(variable)
            return
        self._read(node)
        if isinstance(node.ctx, ast.Del) and variable is not None and not variable.shared:
            self._unset(variable)

    def _read(self, node: ast.Name) -> None:
        variable, _ = self._scope.uses[node]
        if variable is None or variable.block not in self._here or self._possible is None:
            return
        if variable not in self._possible:
            self.found.append(node)
            self._possible.add(variable)  # one report is enough

    def _unset(self, variable: Variable | None) -> None:
        if self._possible is not None and variable is not None:
            self._possible.discard(variable)

    def visit_alias(self, node: ast.alias) -> None:
        """Set the imported name."""
        self._named(node.asname or node.name.partition(".")[0])

    # Blocks that run later.

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Evaluate the defaults now, and the body later."""
        self._all(node.decorator_list)
        self._later_body(node, node.args, list(node.body))
        self._named(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Evaluate the defaults now, and the body later."""
        self._later_body(node, node.args, [node.body])

    def _later_body(self, node: ast.AST, arguments: ast.arguments, body: list[ast.AST]) -> None:
        self._all((*arguments.defaults, *arguments.kw_defaults))
        self._later.append((self._scope.blocks[node], body))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Set the name; the policy refuses the class."""
        self._named(node.name)

    # Expressions that do not evaluate their parts in the order of the fields.

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Evaluate the value, then set the name."""
        self._all((node.value, node.target))

    def visit_Dict(self, node: ast.Dict) -> None:
        """Evaluate each key before its value."""
        for key, value in zip(node.keys, node.values, strict=True):
            self._all((key, value))

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Evaluate the condition first."""
        self._all((node.test, node.body, node.orelse))

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp) -> None:
        """Evaluate the sources and conditions, then the item."""
        self._comprehension(node, node.generators, node.elt)

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Evaluate the sources and conditions, then key and value."""
        self._comprehension(node, node.generators, node.key, node.value)

    def _comprehension(self, node: ast.AST, generators: list[ast.comprehension], *made: ast.expr) -> None:
        block = self._scope.blocks[node]
        for number, generator in enumerate(generators):
            self.visit(generator.iter)
            if not number:
                self._here = {*self._here, block}
            self._all((generator.target, *generator.ifs))
        self._all(made)
        self._here = self._here - {block}

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """Evaluate the first source now, and everything else later."""
        first, *others = node.generators
        self.visit(first.iter)
        parts: list[ast.AST] = [first.target, *first.ifs]
        for generator in others:
            parts += [generator.iter, generator.target, *generator.ifs]
        self._later.append((self._scope.blocks[node], [*parts, node.elt]))
        # Names that `:=` sets in it belong to this block, and get their values later.
        for part in ast.walk(node):
            if isinstance(part, ast.NamedExpr):
                self._set(self._scope.variable_of(part.target))

    # Statements.

    def visit_Assign(self, node: ast.Assign) -> None:
        """Evaluate the value, then set the targets."""
        self._all((node.value, *node.targets))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Read the target, evaluate the value, then set the target."""
        if isinstance(node.target, ast.Name):
            self._read(node.target)
        self._all((node.target, node.value))

    def _ends(self, node: ast.AST) -> None:
        self.generic_visit(node)
        self._possible = None

    visit_Return = visit_Raise = visit_Break = visit_Continue = _ends

    def visit_If(self, node: ast.If) -> None:
        """Follow both branches."""
        self.visit(node.test)
        before = self._possible
        self._possible = _joined(self._branch(before, node.body), self._branch(before, node.orelse))

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """Follow the body as often as there are items, which may be never."""
        self.visit(node.iter)
        before = self._with_all_of(node)
        self._branch(before, [node.target, *node.body])
        self._branch(before, node.orelse)
        self._possible = before

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        """Follow the body; it may run never."""
        before = self._with_all_of(node)
        self._possible = None if before is None else set(before)
        self.visit(node.test)
        self._branch(before, node.body)
        self._branch(before, node.orelse)
        self._possible = before

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        """Follow the body, its handlers and `else`; a handler can begin after any part of the body."""
        anywhere = self._with_all_of(node)
        after = self._branch(self._branch(self._possible, node.body), node.orelse)
        for handler in node.handlers:
            self._possible = None if anywhere is None else set(anywhere)
            self.visit(handler)
            after = _joined(after, self._possible)
        if node.finalbody:
            self._branch(anywhere, node.finalbody)
            after = _joined(after, None if after is None else self._possible)
        self._possible = after

    visit_TryStar = visit_Try

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Set the name of the error in the body, and unset it after."""
        if node.type is not None:
            self.visit(node.type)
        self._named(node.name)
        self._all(node.body)
        for block in self._here if node.name is not None else ():
            self._unset(block.variables.get(node.name or ""))

    def visit_Match(self, node: ast.Match) -> None:
        """Follow each case."""
        self.visit(node.subject)
        before = after = self._possible
        for case in node.cases:
            # If the guard refuses, the next case begins with the names of this pattern.
            before = self._branch(before, [case.pattern, case.guard])
            after = _joined(after, self._branch(before, case.body))
        self._possible = _joined(after, before)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        """Set the name of a pattern."""
        self.generic_visit(node)
        self._named(node.name)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """Set the name after `**` of a pattern."""
        self.generic_visit(node)
        self._named(node.rest)


def _joined(one: Possible, other: Possible) -> Possible:
    """Return the possible values after either of two branches."""
    if one is None or other is None:
        return other if one is None else one
    return one | other
