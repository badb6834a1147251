"""Finds the line of a logic that stored a value which is not JSON, for the message about it.

Such a value is found after the logic has ended, so no line is at hand. The message names the place, such as
`state["last"][3]`. The line is named only if it is certain:

- Exactly one line of `process` stores something in or below `state["last"]`.
- Each use of `state` is one that names its key, or one that stores nothing. So no key that is computed, no
  other name for `state` and no function that gets it can have stored the value.
- If the value is below `state["last"]`, no other name exists for one of the lists and dicts that hold it:
  what the line stores is written out there, such as `[value]`, and no other line reads `state["last"]`.

A value in a result comes from the `return` of `process`, if there is only one that can return it.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from sandbox.runtime.values import KEY_CHARS

#: A key or an index in a message.
_STEP: Final = r'\[(?:"(?:[^"\\]|\\.)*"|[0-9]+)\]'
#: The beginning of a message: the first key in the state, the steps below it, and whether a key is wrong.
_IN_STATE: Final = re.compile(rf'state\[("(?:[^"\\]|\\.)*")\]((?:{_STEP})*)( has .* as a key)?')

#: Methods of a dict that give no value of it away, and those that give one.
_HARMLESS: Final = frozenset(("clear", "keys"))
_GIVING: Final = frozenset(("get", "pop", "setdefault"))
#: Methods whose arguments are stored as they are. Other methods may store the parts of their arguments.
_KEEPING: Final = frozenset(("append", "appendleft", "insert", "setdefault"))


def storing_line(source: str, message: str) -> int | None:
    """Return the line that stored the value of an error; None if it is not certain."""
    if (uses := _uses(source)) is None:
        return None
    if found := _IN_STATE.match(message):
        key = json.loads(found[1])
        holders = len(re.findall(_STEP, found[2])) + bool(found[3])
        # A longer key may be cut off in the message.
        return uses.line_of(key, holders) if len(key) < KEY_CHARS else None
    return _only(uses.returns) if message.startswith("result") else None


class _Uses:
    """What the statements of `process` do with the state, and where it returns values."""

    def __init__(self, process: ast.FunctionDef, state: str) -> None:
        self.returns = set[int]()
        self._process = process
        self._is_open = False
        self._stores = defaultdict[str, set[int]](set)
        #: For each key: up to how many lists and dicts that hold a value have no other name.
        self._own = defaultdict[str, float](lambda: float("inf"))
        self._parents = {part: node for node in ast.walk(process) for part in ast.iter_child_nodes(node)}
        for node in ast.walk(process):
            if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
                self.returns.add(node.lineno)
            elif isinstance(node, ast.Name) and node.id == state:
                self._note(node)
        del self._parents, self._process

    def line_of(self, key: str, holders: int) -> int | None:
        """Return the line that stores the value of a key, or a value in so many lists and dicts below it."""
        return None if self._is_open or holders > self._own[key] else _only(self._stores[key])

    def _note(self, name: ast.Name) -> None:
        """Note one use of the state."""
        holder = self._parents[name]
        if isinstance(holder, ast.Subscript) and (key := _text(holder.slice)) is not None:
            self._follow(holder, key, 0)
        elif (call := self._call_of(holder)) is not None:
            self._call(call, holder.attr)  # type: ignore[attr-defined]
        elif isinstance(holder, ast.Return):
            self._is_open |= self._function_of(holder) is not self._process
        elif not (isinstance(holder, ast.Compare) and name in holder.comparators):
            self._is_open = True

    def _follow(self, part: ast.expr, key: str, depth: int) -> None:
        """Note what happens to the value of a key, or to a value that is so deep below it."""
        while isinstance(above := self._parents[part], ast.Subscript) and above.value is part:
            part = above
            depth += not isinstance(above.slice, ast.Slice)
        if isinstance(part, ast.Subscript) and not isinstance(part.ctx, ast.Load):
            self._store(key, part.lineno, depth, _assigned(above, part))
        elif (call := self._call_of(above)) is not None:
            deeper = above.attr in _KEEPING  # type: ignore[attr-defined]
            self._store(key, part.lineno, depth + deeper, _arguments(call))
            self._follow(call, key, depth)
        elif not isinstance(above, ast.Expr):
            self._own[key] = 0

    def _call(self, call: ast.Call, method: str) -> None:
        """Note a call of a method of the state."""
        key = _text(call.args[0]) if call.args else None
        if method in _GIVING and key is not None:
            if method == "setdefault":
                self._store(key, call.lineno, 0, call.args[1:])
            self._follow(call, key, 0)
        elif method == "update":
            for each, value in _updated(call):
                if each is None:
                    self._is_open = True
                else:
                    self._store(each, call.lineno, 0, [value])
        elif method not in _HARMLESS:
            self._is_open = True

    def _store(self, key: str, line: int, depth: int, values: Iterable[ast.expr | None]) -> None:
        """Note that a line stores one of these values so deep below a key. None is an unknown value."""
        self._stores[key].add(line)
        for value in values:
            self._own[key] = min(self._own[key], depth + _own(value))

    def _call_of(self, method: ast.AST) -> ast.Call | None:
        """Return the call of a method; None if this is something else."""
        call = self._parents[method] if isinstance(method, ast.Attribute) else None
        return call if isinstance(call, ast.Call) and call.func is method else None

    def _function_of(self, node: ast.AST) -> ast.AST:
        while not isinstance(node := self._parents.get(node, self._process), ast.FunctionDef):
            pass
        return node


@lru_cache(maxsize=4)
def _uses(source: str) -> _Uses | None:
    """Return the uses of the state in the `process` of a source, if it has one such function."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # an older version of the policy accepted it
        return None
    found = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name == "process"]
    if len(found) != 1 or found[0] not in tree.body:
        return None
    parameters = [*found[0].args.posonlyargs, *found[0].args.args]
    return _Uses(found[0], parameters[1].arg) if len(parameters) > 1 else None


def _assigned(statement: ast.AST, target: ast.expr) -> list[ast.expr | None]:
    """Return the values that a statement stores at its target."""
    if isinstance(statement, ast.Delete):
        return []
    if isinstance(statement, ast.Assign) and statement.targets == [target]:
        return [statement.value]
    return [statement.value if isinstance(statement, ast.AugAssign | ast.AnnAssign) else None]


def _arguments(call: ast.Call) -> list[ast.expr | None]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _updated(call: ast.Call) -> Iterator[tuple[str | None, ast.expr | None]]:
    """Yield the keys and values that `update` stores; None for a key that is not known."""
    for each in call.args:
        if isinstance(each, ast.Dict):
            yield from zip(map(_text, each.keys), each.values, strict=True)
        else:
            yield None, None
    for keyword in call.keywords:
        yield keyword.arg, keyword.value


def _own(value: ast.expr | None) -> float:
    """Return how many levels of lists and dicts in a value are made where it is written.

    So there is no other name for them.
    """
    match value:
        case ast.Constant() | ast.JoinedStr():
            return float("inf")
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return 1 + min(map(_own, parts), default=float("inf"))
        case ast.Dict(keys=keys, values=parts):
            return 0 if None in keys else 1 + min(map(_own, parts), default=float("inf"))
        case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.DictComp(value=part):
            return 1 + _own(part)
        case ast.IfExp(body=one, orelse=other):
            return min(_own(one), _own(other))
        case ast.BinOp():
            return 1
        case _:
            return 0


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _only(lines: set[int]) -> int | None:
    return next(iter(lines)) if len(lines) == 1 else None
