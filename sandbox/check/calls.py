"""The policy's rules for calls: those that certainly fail whenever they run."""

import ast
from functools import cached_property

from sandbox.check import hints
from sandbox.check.costs import facade_path
from sandbox.check.naming import NameRules
from sandbox.check.scope import OFFERED
from sandbox.runtime import zones

#: Expressions whose value is certainly not a function.
_NOT_CALLABLE = (
    *(ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    *(ast.Constant, ast.JoinedStr, ast.BinOp, ast.Compare, ast.UnaryOp),
)


class CallRules(NameRules):
    """The rules for calls: of the logic's own variables and functions, and of time zones by name."""

    def check_call(self, node: ast.Call) -> None:
        """Refuse a call of a value that is not a function, and one with too many, too few or wrong values."""
        self.check_zone(node)
        variable = self.scope.variable_of(node.func)
        if variable is None:
            return
        name = variable.name
        if variable.binders and all(
            isinstance(self._values.get(binder), _NOT_CALLABLE) for binder, _ in variable.binders
        ):
            if name in OFFERED:
                self.report(
                    node.func,
                    f"`{name}` is a variable here (line {variable.line}), so the function {name} cannot be "
                    "called",
                    f"Choose another name for the variable, such as {hints.other_name(name)}.",
                )
            else:
                self.report(
                    node.func,
                    f"`{name}` is not a function, so it cannot be called (line {variable.line} sets it)",
                    f"Write {name} without the brackets, or an operator between the two, such as *.",
                )
        function = variable.function
        if function is not None and not function.decorator_list:
            wrong = misfit(node, function)
            if wrong is not None:
                self.report(
                    node, wrong, f"It is defined as `{signature(function)}` in line {function.lineno}."
                )

    def check_zone(self, node: ast.Call) -> None:
        """Refuse a literal text that is not the name of a time zone."""
        path = facade_path(node.func, self.scope)
        values = [*node.args[:1], *(each.value for each in node.keywords if each.arg in ("key", "offset"))]
        for value in values:
            if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
                continue
            if path == "datetime.timezone":
                self.report(node, "timezone() takes a timedelta, and no name of a time zone", hints.ZONES)
            elif path == "zoneinfo.ZoneInfo" and value.value not in zones.load():
                message, _, hint = zones.unknown(value.value[: zones.LONGEST_NAME]).partition("; ")
                end = "" if hint.endswith("?") else "."
                self.report(node, message, f"{hint[0].upper()}{hint[1:]}{end}")

    @cached_property
    def _values(self) -> dict[ast.AST, ast.expr]:
        """The value that each plainly assigned name gets. After `x += 1`, x is no function either."""
        found: dict[ast.AST, ast.expr] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                found.update((target, node.value) for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AugAssign):
                found[node.target] = ast.BinOp(node.target, node.op, node.value)
        return found


def misfit(call: ast.Call, function: ast.FunctionDef) -> str | None:
    """Return how a call does not fit the parameters of a function; None if it does, or if that is unknown."""
    if any(isinstance(value, ast.Starred) for value in call.args) or any(
        keyword.arg is None for keyword in call.keywords
    ):
        return None
    arguments = function.args
    positional = [parameter.arg for parameter in (*arguments.posonlyargs, *arguments.args)]
    by_name = {parameter.arg for parameter in (*arguments.args, *arguments.kwonlyargs)}
    if len(call.args) > len(positional) and arguments.vararg is None:
        return f"{function.name} takes {_values(len(positional))}, but this call passes {len(call.args)}"
    given = set(positional[: len(call.args)])
    for keyword in call.keywords:
        if keyword.arg in given and keyword.arg in by_name:
            return f"{function.name} gets `{keyword.arg}` twice"
        if keyword.arg not in by_name and arguments.kwarg is None:
            return f"{function.name} has no parameter `{keyword.arg}`"
        if keyword.arg in by_name:
            given.add(str(keyword.arg))
    needed = positional[: len(positional) - len(arguments.defaults)]
    needed += [
        parameter.arg
        for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    missing = [f"`{name}`" for name in needed if name not in given]
    if missing:
        return f"this call of {function.name} passes no value for {', '.join(missing)}"
    return None


def _values(count: int) -> str:
    return {0: "no values", 1: "1 value"}.get(count, f"{count} values")


def signature(function: ast.FunctionDef) -> str:
    """Return the name and the parameters of a function, as its author wrote them."""
    return f"{function.name}({ast.unparse(function.args)})"[:80]
