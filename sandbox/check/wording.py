"""The policy's rules for statements and expressions, except for the names and patterns in them."""

import ast
from collections.abc import Iterable, Iterator

from sandbox.allowed import EXCEPTIONS, VALUES
from sandbox.check import hints
from sandbox.check.calls import CallRules
from sandbox.check.costs import facade_path, has_membership, has_slice
from sandbox.check.defaults import defaults_of, is_fixed, is_made_again
from sandbox.check.generators import GeneratorRules

#: The most parameters of a function.
MOST_PARAMETERS = 50
_SINGLE_VALUES = (bool, int, float, str, bytes, type(None))


class WordingRules(GeneratorRules, CallRules):
    """The rules for statements and expressions, one method for each kind of node."""

    # Functions.

    def check_functiondef(self, node: ast.FunctionDef) -> None:
        """Check a function's name, and refuse decorators and type parameters."""
        self.name(node, node.name)
        for decorator in node.decorator_list:
            self.report(decorator, "decorators are not available", "Call the function where it is needed.")
        if getattr(node, "type_params", None):
            self.report(node, "type parameters are not available", "Leave them out.")
        self.parameters(node)
        for parameter, default in defaults_of(node.args):
            if is_made_again(default, self.scope):
                self.note(
                    default,
                    f"each call that does not pass `{parameter.arg}` gets a new value",
                    "In plain Python, all calls share one value. Keep values between readings in state.",
                )
            else:
                self.check_default(default)

    def check_lambda(self, node: ast.Lambda) -> None:
        """Check the parameters of a lambda and their defaults."""
        self.parameters(node)
        for _, default in defaults_of(node.args):
            self.check_default(default)

    def parameters(self, node: ast.FunctionDef | ast.Lambda) -> None:
        """Bound the parameters: Python compares each keyword of a call with each of them."""
        count = sum(isinstance(part, ast.arg) for part in ast.iter_child_nodes(node.args))
        if count > MOST_PARAMETERS:
            self.report(
                node,
                f"a function has {count} parameters; at most {MOST_PARAMETERS} are available",
                "Pass a dict or a list.",
            )

    def check_default(self, default: ast.expr) -> None:
        """Refuse a default that the logic could change."""
        if not is_fixed(default):
            self.report(
                default,
                "a default must be a constant, or a list, dict or set of constants",
                "Write None as the default and create the value inside the function.",
            )

    # Statements.

    def check_excepthandler(self, node: ast.ExceptHandler) -> None:
        """Check that a handler names its errors, and that they are available."""
        self.name(node, node.name)
        if node.type is None:
            self.report(node, "bare `except:` is not available", "Write `except Exception:`.")
            return
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        for kind in kinds:
            path = facade_path(kind, self.scope)
            offered = isinstance(kind, ast.Name) and kind.id in EXCEPTIONS and self.scope.is_offered(kind)
            if not offered and not (path is not None and path.endswith(("Error", ".error"))):
                self.report(
                    kind,
                    "`except` must be followed by the name of an error",
                    f"Write, for example, {', '.join(sorted(EXCEPTIONS)[:4])}, Exception or ValueError.",
                )

    def check_try(self, node: ast.Try) -> None:
        """Refuse `return`, `break` and `continue` that leave a `finally` block."""
        for jump in _jumps(node.finalbody):
            self.report(
                jump,
                f"`{type(jump).__name__.lower()}` in `finally` is not available",
                "It would hide errors; put it after the try.",
            )

    def check_for(self, node: ast.For) -> None:
        """Check the target of a loop."""
        self.target(node.target, starred=False)

    def check_comprehension(self, node: ast.comprehension) -> None:
        """Check the target of a comprehension, and refuse `async`."""
        if node.is_async:
            self.report(node.iter, *hints.NODES["AsyncFor"])
        self.target(node.target, starred=False)
        for part in ast.walk(node.iter):
            if isinstance(part, ast.Compare) and has_membership(part):
                self.report(
                    part,
                    "`in` within a chain of comparisons is not available in the source of a comprehension",
                    "Join two comparisons with `and`.",
                )

    def check_assign(self, node: ast.Assign) -> None:
        """Check the targets of an assignment."""
        for target in node.targets:
            if not (len(node.targets) == 1 and isinstance(target, ast.Subscript)):
                self.target(target, starred=True)

    def check_augassign(self, node: ast.AugAssign) -> None:
        """Check the operator and the target of an assignment such as `x += 1`."""
        self.check_binop(node)
        if not has_slice(node.target):
            self.target(node.target, starred=False)

    def target(self, target: ast.AST, *, starred: bool) -> None:
        """Check a target: a star only at the first level of unpacking, and no slice anywhere."""
        inner = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
        for item in inner:
            if isinstance(item, ast.Starred) and starred:
                item = item.value
            for part in ast.walk(item):
                if isinstance(part, ast.Starred) and isinstance(part.ctx, ast.Store):
                    self.report(part, "`*` is not available here", "Unpack the items on a separate line.")
                elif (
                    isinstance(part, ast.Subscript)
                    and isinstance(part.slice, ast.Slice)
                    and isinstance(part.ctx, ast.Store)
                ):
                    self.report(part, "a slice cannot be set here", "Set it on a separate line.")

    # Expressions.

    def check_expr(self, node: ast.Expr) -> None:
        """Note a constant that is a statement of its own."""
        self.statements.add(node.value)

    def check_constant(self, node: ast.Constant) -> None:
        """Allow only numbers, texts, bytes, True, False and None, and integers within the limit."""
        value = node.value
        if value is ...:
            if node not in self.statements:
                self.report(node, "`...` is available only as a statement", "Write None.")
        elif type(value) not in _SINGLE_VALUES:
            self.report(node, "complex numbers are not available", "")
        elif type(value) is int and value.bit_length() > self.limits.int_bits:
            self.report(
                node, f"a whole number of more than {self.limits.int_bits:,} bits (the limit int_bits)", ""
            )

    def check_binop(self, node: ast.BinOp | ast.AugAssign) -> None:
        """Refuse the operator `@`."""
        if isinstance(node.op, ast.MatMult):
            self.report(node, *hints.NODES["MatMult"])

    def check_subscript(self, node: ast.Subscript) -> None:
        """Refuse several slices at once, and changes of read-only values such as `config`."""
        if isinstance(node.slice, ast.Tuple) and any(
            isinstance(part, (ast.Slice, ast.Starred)) for part in node.slice.elts
        ):
            self.report(node, "several slices at once are not available", "Take one slice at a time.")
        root = node.value
        while isinstance(root, ast.Subscript):
            root = root.value
        if isinstance(node.ctx, ast.Load) or not isinstance(root, ast.Name):
            return
        if root.id in VALUES and self.scope.is_offered(root):
            self.report(
                node,
                f"`{root.id}` is read-only and cannot be changed",
                f"dict({root.id}) makes a copy. Keep values in state.",
            )


def _jumps(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the jumps out of a `finally` block, but not those that stay inside a loop or function in it."""
    ahead = [(statement, False) for statement in statements]
    while ahead:
        node, in_loop = ahead.pop()
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Return) or (isinstance(node, (ast.Break, ast.Continue)) and not in_loop):
            yield node
        inside = in_loop or isinstance(node, (ast.For, ast.While))
        ahead.extend((child, inside) for child in ast.iter_child_nodes(node))
