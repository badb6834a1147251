"""Finds the line of a logic that stored a value which is not JSON, for the message about it.

Such a value is found after the logic has ended, so no line is at hand. The message names the place, such as
`state["last"][3]`. The line is named only if it is certain:

- Exactly one line of `process` stores something in or below `state["last"]`.
- Each use of `state` is one that names its key, or one that stores nothing. So no key that is computed, no
  other name for `state` and no function that gets it can have stored the value.
- If the value is below `state["last"]`, no other name for that value can exist either.

A value in a result comes from the `return` of `process`, if there is only one that can return it.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

#: The beginning of a message: the first key in the state, and whether the place is below it.
_IN_STATE: Final = re.compile(r'state\[("(?:[^"\\]|\\.)*")\](\[?)')

#: Methods of a dict that give no value of it away, and those that give one.
_HARMLESS: Final = frozenset(("clear", "keys"))
_GIVING: Final = frozenset(("get", "pop", "setdefault"))


def storing_line(source: str, message: str) -> int | None:
    """Return the line that stored the value of an error; None if it is not certain."""
    if (uses := _uses(source)) is None:
        return None
    if found := _IN_STATE.match(message):
        return uses.line_of(json.loads(found[1]), below=bool(found[2]))
    return _only(uses.returns) if message.startswith("result") else None


class _Uses:
    """What the statements of `process` do with the state, and where it returns values."""

    def __init__(self, process: ast.FunctionDef, state: str) -> None:
        self.returns = set[int]()
        self._is_open = False
        self._stores = defaultdict[str, set[int]](set)
        self._given = set[str]()
        parents = {part: node for node in ast.walk(process) for part in ast.iter_child_nodes(node)}
        for node in ast.walk(process):
            if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
                self.returns.add(node.lineno)
            elif isinstance(node, ast.Name) and node.id == state:
                self._note(node, parents)

    def line_of(self, key: str, *, below: bool) -> int | None:
        """Return the line that stores a key, or a value below it."""
        return None if self._is_open or (below and key in self._given) else _only(self._stores[key])

    def _note(self, name: ast.Name, parents: dict[ast.AST, ast.AST]) -> None:
        """Note one use of the state."""
        holder = parents[name]
        if isinstance(holder, ast.Subscript) and (key := _text(holder.slice)) is not None:
            self._follow(holder, key, parents)
        elif isinstance(holder, ast.Attribute) and isinstance(call := parents[holder], ast.Call):
            self._call(call, holder.attr, parents)
        elif not (isinstance(holder, ast.Compare) and name in holder.comparators):
            self._is_open = True

    def _follow(self, part: ast.expr, key: str, parents: dict[ast.AST, ast.AST]) -> None:
        """Note what happens to the value of a key, or to a value below it."""
        while isinstance(above := parents[part], ast.Subscript) and above.value is part:
            part = above
        if not isinstance(getattr(part, "ctx", None), ast.Load):
            self._stores[key].add(part.lineno)
        elif isinstance(above, ast.Attribute) and isinstance(parents[above], ast.Call):
            self._stores[key].add(part.lineno)  # a method, which may store its arguments
        else:
            self._given.add(key)

    def _call(self, call: ast.Call, method: str, parents: dict[ast.AST, ast.AST]) -> None:
        key = _text(call.args[0]) if call.args else None
        if method in _GIVING and key is not None:
            if method == "setdefault":
                self._stores[key].add(call.lineno)
            self._follow(call, key, parents)
        elif method == "update" and (keys := list(_updated(call))) and None not in keys:
            for each in filter(None, keys):
                self._stores[each].add(call.lineno)
        elif method not in _HARMLESS:
            self._is_open = True


@lru_cache(maxsize=4)
def _uses(source: str) -> _Uses | None:
    """Return the uses of the state in the `process` of a source, if it has one such function."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    processes = [each for each in functions if each.name == "process"]
    parameters = [*processes[0].args.posonlyargs, *processes[0].args.args] if len(processes) == 1 else []
    return _Uses(processes[0], parameters[1].arg) if len(parameters) > 1 else None


def _updated(call: ast.Call) -> Iterator[str | None]:
    """Yield the keys that `update` stores; None for one that is not known."""
    for each in call.args:
        yield from map(_text, each.keys) if isinstance(each, ast.Dict) else [None]
    for keyword in call.keywords:
        yield keyword.arg


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _only(lines: set[int]) -> int | None:
    return next(iter(lines)) if len(lines) == 1 else None
