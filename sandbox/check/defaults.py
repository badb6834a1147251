"""Default values of parameters: which stay as they are, and which are made again for each call.

A default such as `[]` is one list that all calls share. That surprises most people, and it would carry values
from one call to the next. So the transformer makes such a default again whenever a call does not pass the
parameter. This is possible only for a default that does not depend on variables.
"""

import ast
from collections.abc import Iterator

from sandbox.check.scope import Scope

_DISPLAYS = (ast.List, ast.Dict, ast.Set)
_PLAIN = (ast.Constant, ast.UnaryOp, ast.unaryop, ast.Tuple, ast.expr_context, *_DISPLAYS)
_FIXED = (ast.Constant, ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator, ast.Tuple, ast.expr_context)


def defaults_of(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    """Yield the parameters that have a default, each with it."""
    positional = [*arguments.posonlyargs, *arguments.args]
    yield from zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield parameter, default


def is_fixed(default: ast.expr) -> bool:
    """Return whether nothing can change this default."""
    return all(isinstance(part, (*_FIXED, ast.Name, ast.Attribute)) for part in ast.walk(default))


def is_made_again(default: ast.expr, scope: Scope) -> bool:
    """Return whether this default is made again for each call: a list, dict or set of constants."""
    if isinstance(default, _DISPLAYS):
        return all(isinstance(part, _PLAIN) for part in ast.walk(default))
    return _empty(default, scope) is not None


def fresh(default: ast.expr, scope: Scope) -> ast.expr:
    """Return the expression that makes such a default, without any name in it."""
    empty = _empty(default, scope)
    return default if empty is None else ast.fix_missing_locations(ast.copy_location(empty, default))


def _empty(default: ast.expr, scope: Scope) -> ast.expr | None:
    """Return the display for `list()`, `dict()` or `set()`."""
    if not isinstance(default, ast.Call) or default.args or default.keywords:
        return None
    if not isinstance(default.func, ast.Name) or not scope.is_offered(default.func):
        return None
    if default.func.id == "list":
        return ast.List([], ast.Load())
    if default.func.id == "dict":
        return ast.Dict([], [])
    if default.func.id == "set":
        return ast.Set([ast.Starred(ast.Tuple([], ast.Load()), ast.Load())])
    return None
