"""Costs of syntax that are known before it runs: its weight, and the operands that need no guard."""

import ast
from collections.abc import Iterator

from sandbox.check.scope import Scope
from sandbox.runtime.runtime import facade_paths

#: Syntax nodes that one tick pays for.
NODES_PER_TICK = 8

#: Operators that need no guard if one operand is a number: the result is a float, or a slightly larger
#: integer.
PLAIN_WITH_NUMBER = (ast.Add, ast.Sub)
_NUMBER_FUNCTIONS = frozenset(("len", "int", "float", "bool", "abs", "round", "ord", "isinstance"))
_PATHS = facade_paths()
_LOOPS = (ast.For, ast.While, ast.FunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def facade_path(node: ast.expr, scope: Scope) -> str | None:
    """Return the path that an expression names by the logic's imports, such as `math.sqrt`, or None."""
    if isinstance(node, ast.Name):
        return scope.import_of(node)
    if isinstance(node, ast.Attribute):
        path = f"{scope.import_of(node.value)}.{node.attr}"
        return path if path in _PATHS else None
    return None


def weight_of(*roots: ast.AST | list[ast.stmt]) -> int:
    """Return the ticks for one run of this code, without the bodies of loops and functions inside it.

    Those pay for themselves. The code beside them pays here: the source of a loop, the last test of a
    `while`, the `else` of a loop, and the defaults of a function.
    """
    size = 0
    ahead: list[ast.AST] = []
    for root in roots:
        if isinstance(root, list):
            ahead.extend(root)
        else:
            ahead.append(root)
    while ahead:
        node = ahead.pop()
        if isinstance(node, (ast.expr, ast.stmt)):
            size += 1
        elif isinstance(node, (ast.Div, ast.FloorDiv, ast.keyword)):
            size += 2
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _LOOPS):
                size += 4
                ahead.extend(_beside(child))
            elif isinstance(child, _COMPREHENSIONS):
                size += 4
                ahead.append(child.generators[0].iter)
            else:
                ahead.append(child)
    return 1 + size // NODES_PER_TICK


def _beside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a loop or a function that run where it stands, each once."""
    match node:
        case ast.For(iter=source, orelse=after):
            yield source
            yield from after
        case ast.While(test=test, orelse=after):
            yield test
            yield from after
        case ast.FunctionDef(args=arguments) | ast.Lambda(args=arguments):
            yield from (each for each in (*arguments.defaults, *arguments.kw_defaults) if each is not None)


def is_small_number(node: ast.expr) -> bool:
    """Return whether an expression is a literal number; an integer must have at most 64 bits."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        node = node.operand
    return isinstance(node, ast.Constant) and (
        type(node.value) is float or (type(node.value) is int and node.value.bit_length() <= 64)
    )


def is_scalar(node: ast.expr, scope: Scope) -> bool:
    """Return whether an expression is certainly a number, a truth value, None or a literal text."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        return True
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Pow)) or (
            isinstance(node.op, PLAIN_WITH_NUMBER)
            and (is_small_number(node.left) or is_small_number(node.right))
        )
    if isinstance(node, ast.Call):
        return is_call_of(_NUMBER_FUNCTIONS, node, scope)
    return isinstance(node, ast.Compare)


def is_call_of(names: frozenset[str], node: ast.expr, scope: Scope) -> bool:
    """Return whether an expression calls one of these offered functions, and not a variable of that name."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
        and scope.is_offered(node.func)
    )


def is_bounded(operator: ast.operator, left: ast.expr | None, right: ast.expr) -> bool:
    """Return whether a literal number makes the guard of an operator unnecessary; `x += 1` has one side."""
    if isinstance(operator, PLAIN_WITH_NUMBER):
        return is_small_number(right) or (left is not None and is_small_number(left))
    if isinstance(operator, ast.Mult):
        numbers = left is not None and is_small_number(left) and is_small_number(right)
        return numbers or is_float(right) or (left is not None and is_float(left))
    if isinstance(operator, ast.FloorDiv):
        return isinstance(right, ast.Constant) and type(right.value) is int and 0 < right.value < 1 << 64
    return False


def has_slice(target: ast.expr) -> bool:
    """Return whether a target is a slice of a list."""
    return isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice)


def has_membership(node: ast.Compare) -> bool:
    """Return whether a comparison is a chain with `in`, such as `0 < x in items`."""
    return len(node.ops) > 1 and any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops)


def is_float(node: ast.expr) -> bool:
    """Return whether an expression is a literal float."""
    return isinstance(node, ast.Constant) and type(node.value) is float
