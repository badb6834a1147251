"""The messages about a name without a value: where it has a value, and how to pass that on."""

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sandbox.allowed import EXCEPTIONS, VALUES
from sandbox.check import hints
from sandbox.check.scope import OFFERED, Binding, Block, Scope, Variable

#: A message and its hint.
Words = tuple[str, str]


#: The most lines that a hint names.
_LINES: Final = 5


def unknown(
    name: str, block: Block, scope: Scope, aliases: Mapping[str, int], members: Collection[str]
) -> Words:
    """Return the message about a name that no block around its use binds. `members` follow it after a dot."""
    elsewhere = [variable for variable in scope.variables() if variable.name == name]
    if elsewhere:
        return _elsewhere(name, elsewhere)
    if name in aliases:
        return f"`{name}` is only for annotations", f"Line {aliases[name]} defines it as a type."
    visible = [known for outer in block.around() for known in outer.variables]
    return f"`{name}` is not available", hints.for_unknown(name, visible, members)


def _elsewhere(name: str, variables: list[Variable]) -> Words:
    named = [variable for variable in variables if variable.block.name is not None]
    if not named:
        block = variables[0].block
        kind = "comprehension" if block.is_comprehension else "lambda"
        return (
            f"`{name}` exists only inside the {kind} in line {block.line}",
            "Use it only there, or write a for loop." if block.is_comprehension else "Use it only there.",
        )
    functions = sorted({str(variable.block.name) for variable in named})
    within = f"the function {functions[0]}" if len(functions) == 1 else f"the functions {_listed(functions)}"
    if all(variable.bound_by(Binding.IMPORT) for variable in named):
        return f"`{name}` is imported only in {within}", "Move the import to the first line."
    if all(variable.function is not None for variable in named):
        return (
            f"the function `{name}` exists only inside {within}",
            "Move it to the top level: its `def` begins in the first column.",
        )
    if all(variable.bound_by(Binding.PARAMETER) for variable in named):
        return (
            f"`{name}` is a parameter of {within} and exists only there",
            f"Add {name} to the parameters of this function too, and pass it in the call.",
        )
    return f"`{name}` is set only in {within}", "Pass it as a parameter, or return it."


def not_set(use: ast.Name, variable: Variable, scope: Scope) -> Words:
    """Return the message about a use of a variable that no line can have set before."""
    name = variable.name
    if variable.bound_by(Binding.HANDLER):
        return (
            f"`{name}` exists only inside its `except` block",
            "Keep it under another name inside the block, such as `problem = str(error)`.",
        )
    where = "at the top level" if variable.block is scope.top else "in this function"
    if name in OFFERED:
        offer = "value" if name in VALUES else "error" if name in EXCEPTIONS else "function"
        return (
            f"`{name}` is a variable {where} (line {variable.line}), so it is not the {offer} {name} here",
            f"Choose another name for the variable, such as {hints.other_name(name)}.",
        )
    outer = variable.block.parent.look_up(name) if variable.block.parent is not None else None
    if outer is not None:
        there = "the top level" if outer.block is scope.top else f"line {outer.line}"
        return (
            f"`{name}` is set in this function (line {variable.line}), so it is not the `{name}` of {there}",
            "It has no value here yet. Choose another name, or keep the value in state.",
        )
    if not variable.binders:
        return f"`{name}` has no value that `del` could delete", "Delete this line."
    if use.lineno <= variable.line:
        return f"`{name}` is used before line {variable.line} sets it", "Set it first."
    if any(used is variable and isinstance(node.ctx, ast.Del) for node, (used, _) in scope.uses.items()):
        return f"`{name}` has no value any more: a line above deletes it", "Set it again first."
    return (
        f"`{name}` has no value here: line {variable.line} sets it only in another case",
        f"Set it before, for example `{name} = None`.",
    )


def homeless(name: str, scope: Scope) -> Words:
    """Return the message about `nonlocal` with a name that no outer function binds."""
    if name in scope.top.variables:
        return (
            f"`nonlocal {name}`: `{name}` is set at the top level, not in a function around this one",
            "To keep a value from reading to reading, use state.",
        )
    return f"`nonlocal {name}`: no function around this one sets `{name}`", "Set it there first."


def also_in(lines: Sequence[int]) -> str:
    """Return the sentence about the other lines that use a name."""
    if len(lines) == 1:
        return f"Line {lines[0]} uses it too."
    if len(lines) > _LINES:
        return f"{len(lines)} other lines use it too."
    return f"Lines {_listed([str(line) for line in lines])} use it too."


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}"
