"""Bounds the size of compiled code: predicted from the tree before the compilation, and measured after it.

Python compiles a `finally` block once for the normal way out of its `try`, once for errors, and once for each
`return`, `break` and `continue` that leaves the `try`. Blocks inside one another multiply, so a small source
can become any amount of code, and only a prediction can stop it in time. It also compiles the condition of a
`while` twice. All else that makes code long grows with the source, and is measured.
"""

import ast
import marshal
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import NamedTuple

from sandbox.check.source import Source
from sandbox.job import Problem
from sandbox.limits import Limits

_NO_CODE = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


class _Size(NamedTuple):
    """The nodes of some code with all copies, the copies alone, and the jumps that leave the code."""

    nodes: int = 0
    copies: int = 0
    returns: int = 0
    breaks: int = 0

    def plus(self, other: "_Size") -> "_Size":
        return _Size(*(mine + its for mine, its in zip(self, other, strict=True)))


def predict(tree: ast.Module, limits: Limits, source: Source) -> Problem | None:
    """Return the problem of a tree of which Python would compile too many copies; else None.

    The tree has few nodes and levels (`policy.too_large`), and no jump leaves a `finally` block.
    """
    copies = _size(tree).copies
    if copies <= limits.nodes:
        return None
    blocks = (node for node in ast.walk(tree) if isinstance(node, ast.Try) and node.finalbody)
    largest = max(blocks, key=lambda node: _size(node).copies)
    return source.problem(
        largest.finalbody[0],
        "this `finally` block is compiled again for each way out of its `try`, and blocks inside one another "
        f"multiply: the copies have {copies:,} nodes; the limit nodes is {limits.nodes:,}",
        "Move the code of the block into a function, and call it here.",
    )


def measure(code: CodeType, limits: Limits, source: Source) -> bytes | Problem:
    """Return the marshalled code, or the problem that it is too large."""
    made = marshal.dumps(code)
    if len(made) <= limits.code_bytes:
        return made
    functions = [each for each in _functions(code) if each.co_name not in ("<module>", "_make_", "_tables_")]
    largest = max(functions, key=lambda each: len(marshal.dumps(each)))
    return source.at(
        largest.co_firstlineno,
        1,
        f"the compiled code has {len(made):,} bytes; the limit code_bytes is {limits.code_bytes:,}. "
        f"The largest function is {largest.co_name}",
        "Split the logic, or move tables into config.",
    )


def _functions(code: CodeType) -> Iterator[CodeType]:
    ahead = [code]
    while ahead:
        part = ahead.pop()
        yield part
        ahead.extend(constant for constant in part.co_consts if isinstance(constant, CodeType))


def _size(node: ast.AST) -> _Size:
    if isinstance(node, ast.Try):
        return _size_of_try(node)
    if not isinstance(node, (ast.stmt, ast.mod, ast.ExceptHandler, ast.match_case)):
        return _Size(sum(not isinstance(part, _NO_CODE) for part in ast.walk(node)))
    size = _Size(1).plus(_total(ast.iter_child_nodes(node)))
    match node:
        case ast.Return():
            return size._replace(returns=1)
        case ast.Break() | ast.Continue():
            return size._replace(breaks=1)
        case ast.FunctionDef():
            return size._replace(returns=0, breaks=0)
        case ast.While() | ast.For():
            test = _size(node.test).nodes if isinstance(node, ast.While) else 0
            outer = _total(node.orelse).breaks
            return size._replace(nodes=size.nodes + test, copies=size.copies + test, breaks=outer)
        case _:
            return size


def _size_of_try(node: ast.Try) -> _Size:
    inside = _Size(1).plus(_total([*node.body, *node.handlers, *node.orelse]))
    if not node.finalbody:
        return inside
    final = _total(node.finalbody)
    copies = (1 + inside.returns + inside.breaks) * final.nodes
    return inside._replace(
        nodes=inside.nodes + final.nodes + copies, copies=inside.copies + final.copies + copies
    )


def _total(nodes: Iterable[ast.AST]) -> _Size:
    total = _Size()
    for node in nodes:
        total = total.plus(_size(node))
    return total
