"""Removes the code that has no effect on a reading, before the policy checks the tree.

- Annotations, and type aliases such as `Rows = list[float]`: Python would evaluate them, and nothing uses
  them.
- `if __name__ == "__main__":`, which people write to try a script by hand.
- `if TYPE_CHECKING:`, which is only for other tools.
"""

import ast
from typing import NamedTuple

from sandbox.allowed import NAMES, TYPING
from sandbox.check.source import Source
from sandbox.job import Problem


class Removed(NamedTuple):
    """The result of a removal: notes for the author, and the removed type aliases with their lines."""

    notes: list[Problem]
    aliases: dict[str, int]


def prepare(tree: ast.Module, source: Source) -> Removed:
    """Remove annotations, type aliases and the main block from a tree."""
    removed = Removed([], {})
    typing = _typing_names(tree)
    kept: list[ast.stmt] = []
    for statement in tree.body:
        alias = _alias(statement, typing)
        if alias is not None:
            removed.aliases[alias] = statement.lineno
            typing.add(alias)
        elif isinstance(statement, ast.If) and _is_type_checking(statement.test, typing):
            kept += statement.orelse
        elif isinstance(statement, ast.If) and _is_main(statement.test):
            removed.notes.append(
                source.problem(
                    statement.test,
                    "this block is ignored: the service calls process itself",
                    "To try a logic, use `iot-logic test`.",
                )
            )
            kept += statement.orelse
        else:
            kept.append(statement)
    tree.body = kept
    _strip_annotations(tree)
    return removed


def _is_main(test: ast.expr) -> bool:
    """Return whether a condition is `__name__ == "__main__"`."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = [test.left, test.comparators[0]]
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides) and any(
        isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
    )


def _is_type_checking(test: ast.expr, typing: set[str]) -> bool:
    """Return whether a condition is `TYPE_CHECKING`, which is never true while a program runs."""
    name = test.value if isinstance(test, ast.Attribute) else test
    constant = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return isinstance(name, ast.Name) and name.id in typing and constant == "TYPE_CHECKING"


# Type aliases.


def _typing_names(tree: ast.Module) -> set[str]:
    """Return the names that the top level imports from modules of types."""
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module in TYPING:
            found.update(alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, ast.Import):
            names = (alias for alias in statement.names if alias.name in TYPING)
            found.update(alias.asname or alias.name.partition(".")[0] for alias in names)
    return found


def _alias(statement: ast.stmt, typing: set[str]) -> str | None:
    """Return the name of a type alias that Python alone could use, such as `Rows = list[float]`.

    `Number = int | float` stays: `isinstance(value, Number)` can use it.
    """
    if isinstance(statement, ast.Assign):
        target, value = statement.targets[0], statement.value
        if len(statement.targets) > 1:
            return None
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        return None
    if not isinstance(target, ast.Name) or not _is_type(value, typing):
        return None
    only_for_types = any(
        isinstance(part, ast.Subscript) or (isinstance(part, ast.Name) and part.id in typing)
        for part in ast.walk(value)
    )
    return target.id if only_for_types else None


def _is_type(node: ast.expr, typing: set[str]) -> bool:
    """Return whether an expression can only be a type."""
    if isinstance(node, ast.Name):
        return node.id in NAMES or node.id in typing
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id in typing
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and all(
            _is_type(side, typing) or _is_none(side) for side in (node.left, node.right)
        )
    if not isinstance(node, ast.Subscript) or not _is_type(node.value, typing):
        return False
    inside = node.slice.elts if isinstance(node.slice, (ast.Tuple, ast.List)) else [node.slice]
    return all(_is_inside(part, typing) for part in inside)


def _is_inside(node: ast.expr, typing: set[str]) -> bool:
    """Return whether an expression can be between the brackets of a type."""
    if isinstance(node, ast.List):  # the parameters of a Callable
        return all(_is_inside(part, typing) for part in node.elts)
    literal = isinstance(node, ast.Constant) and (node.value is ... or isinstance(node.value, str))
    return literal or _is_none(node) or _is_type(node, typing)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


# Annotations.


def _strip_annotations(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                setattr(node, field, [_without_annotation(statement) for statement in body])


def _without_annotation(statement: ast.stmt) -> ast.stmt:
    if not isinstance(statement, ast.AnnAssign):
        return statement
    if statement.value is None:
        return ast.copy_location(ast.Pass(), statement)
    plain = ast.Assign([statement.target], statement.value)
    return ast.copy_location(plain, statement)
