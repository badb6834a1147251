# ruff: noqa: N802 - the names of the visiting methods are those of the syntax nodes
"""The metering of expressions: the half of the transformer that handles values; see `transformer`."""

import ast
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

from RestrictedPython.transformer import RestrictingNodeTransformer, copy_locations

from sandbox.check.costs import (
    facade_path,
    has_membership,
    is_bounded,
    is_scalar,
    is_small_number,
    weight_of,
)
from sandbox.check.reserved import is_reserved
from sandbox.check.scope import Scope, Variable
from sandbox.runtime.meter import FEW_KEYS
from sandbox.runtime.runtime import global_name

#: The guards of the operators whose result can be larger than the operands, or whose steps can be many.
GUARDED = {
    ast.Add: "_add_",
    ast.Sub: "_sub_",
    ast.Mult: "_mul_",
    ast.Mod: "_mod_",
    ast.FloorDiv: "_floordiv_",
    ast.Pow: "_pow_",
    ast.LShift: "_lshift_",
    ast.BitOr: "_or_",
    ast.BitAnd: "_and_",
    ast.BitXor: "_xor_",
}


#: The guards of `!r`, `!s` and `!a` in an f-string.
_CONVERSIONS = {ord("r"): "_quote_", ord("s"): "_show_", ord("a"): "_ascii_"}
#: The most parts of an f-string that Python itself inserts; the parts of a longer one are measured before.
MOST_INSERTED = 8


class Expressions(RestrictingNodeTransformer):
    """RestrictedPython's transformer, which also adds guards to expressions."""

    #: The meanings of the names of the logic.
    scope: ClassVar[Scope]

    # Helpers.

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:  # noqa: ARG002
        """Refuse the names that guards can have, and no others with an underscore; see `reserved`.

        RestrictedPython also reserves `print` and `printed`, because it replaces them; here they are plain
        names.
        """
        if name is not None and is_reserved(name):
            self.error(node, f'"{name}" is a reserved name.')

    def gen_tmp_name(self) -> str:
        """Return a name for a value that is evaluated once, with the shape of a guard's name."""
        return super().gen_tmp_name() + "_"

    def _guard(
        self,
        name: str,
        arguments: Iterable[ast.expr],
        at: ast.expr | ast.stmt | ast.excepthandler | ast.pattern,
    ) -> ast.Call:
        call = ast.Call(func=ast.Name(name, ast.Load()), args=list(arguments), keywords=[])
        copy_locations(call, at)
        return call

    def _key(self, key: ast.expr) -> ast.expr:
        if _is_literal_key(key) or isinstance(key, ast.JoinedStr):
            return key
        return self._guard("_key_", [key], key)

    def _with(self, node: Any) -> Any:
        return self.node_contents_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        """Make a lambda pay when it is called."""
        weight = weight_of(node.body)
        node = super().visit_Lambda(node)  # type: ignore[assignment]
        tick = self._guard("_tick_", [ast.Constant(weight)], node.body)
        body = ast.BoolOp(ast.And(), [tick, node.body])
        copy_locations(body, node.body)
        node.body = body
        return node

    # Comprehensions.

    def _comprehension(self, node: Any, *made: ast.expr) -> Any:
        inside: list[ast.AST] = [*made]
        for number, generator in enumerate(node.generators):
            inside.extend((generator.target, *generator.ifs))
            if number:
                inside.append(generator.iter)
        weight = weight_of(*inside)
        node = self._with(node)
        for generator in node.generators:
            generator.iter = self._guard("_walk_", [generator.iter, ast.Constant(weight)], generator.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        """Visit the contents only: the comprehension that this belongs to guards the source."""
        return self._with(node)

    def visit_ListComp(self, node: ast.ListComp) -> Any:
        """Make a list comprehension pay for its items and respect the limit on the length of lists."""
        return self._guard("_built_", [self._comprehension(node, node.elt)], node)

    def visit_SetComp(self, node: ast.SetComp) -> Any:
        """Make a set of a dict comprehension, which pays for its items."""
        node = self._comprehension(node, node.elt)
        made = ast.DictComp(self._key(node.elt), ast.Constant(None), node.generators)
        copy_locations(made, node)
        return self._guard("_set_", [made], node)

    def visit_DictComp(self, node: ast.DictComp) -> Any:
        """Make a dict comprehension pay for its entries and respect the limit on the size of dicts."""
        node = self._comprehension(node, node.key, node.value)
        node.key = self._key(node.key)
        return self._guard("_built_", [node], node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> Any:
        """Make a generator expression pay for its items."""
        return self._comprehension(node, node.elt)

    # Displays.

    def visit_Dict(self, node: ast.Dict) -> Any:
        """Guard the keys, and the values after `**`."""
        built = len(node.keys) > FEW_KEYS or None in node.keys
        node = self._with(node)
        for place, key in enumerate(node.keys):
            if key is None:
                value = node.values[place]
                node.values[place] = self._guard("_mapping_", [value], value)
            else:
                node.keys[place] = self._key(key)
        return self._guard("_built_", [node], node) if built else node

    def visit_Set(self, node: ast.Set) -> Any:
        """Make a set of a dict display; a dict keeps the order of its keys."""
        made = ast.Dict([], [])
        for item in node.elts:
            if isinstance(item, ast.Starred):
                made.keys.append(None)
                made.values.append(self._guard("_keys_", [self.visit(item.value)], item))
            else:
                made.keys.append(self._key(self.visit(item)))
                made.values.append(ast.Constant(None))
        copy_locations(made, node)
        return self._guard("_set_", [made], node)

    def visit_List(self, node: ast.List) -> Any:
        """Check the length of `[*items, ...]`."""
        return self._display(node)

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        """Check the length of `(*items, ...)`."""
        return self._display(node)

    def _display(self, node: ast.List | ast.Tuple) -> Any:
        spreads = isinstance(node.ctx, ast.Load) and any(isinstance(item, ast.Starred) for item in node.elts)
        node = self._with(node)
        return self._guard("_built_", [node], node) if spreads else node

    def visit_Starred(self, node: ast.Starred) -> Any:
        """Guard `[*items]`, which copies all items in one C call."""
        node = self._with(node)
        if isinstance(node.ctx, ast.Load):
            node.value = self._guard("_spread_", [node.value], node.value)
        return node

    # Names, dots, items.

    def visit_Name(self, node: ast.Name) -> Any:
        """Replace an imported name by the name of its frozen object."""
        self.check_name(node, node.id)
        variable = self.scope.variable_of(node)
        if variable is not None and variable.block.is_comprehension:
            node.id = self._name_of_item(variable)
        path = self.scope.import_of(node)
        if path is None or not isinstance(node.ctx, ast.Load):
            return node
        named = ast.Name(global_name(path), ast.Load())
        copy_locations(named, node)
        return named

    def _name_of_item(self, variable: Variable) -> str:
        """Return the name of a variable of a comprehension; a new one if a block around it has the name too.

        Python 3.12 and 3.13 run a comprehension inside its function. If the comprehension and a block around
        that function have a variable of one name, an inner function can then miss its value.
        """
        if variable not in self._items:
            around = variable.block.parent
            taken = around is not None and around.look_up(variable.name) is not None
            new = f"{self.gen_tmp_name()}{variable.name}_"  # of which `texts.public` makes the name again
            self._items[variable] = new if taken else variable.name
        return self._items[variable]

    @cached_property
    def _items(self) -> dict[Variable, str]:
        return {}

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """Turn `math.pi` into a name, and any other attribute into a call of the guard."""
        if node.attr == "__name__" and isinstance(node.ctx, ast.Load):
            return self._guard("_getattr_", [self.visit(node.value), ast.Constant("__name__")], node)
        path = facade_path(node, self.scope)
        seen = super().visit_Attribute(node)
        if path is not None and isinstance(node.ctx, ast.Load):
            named = ast.Name(global_name(path), ast.Load())
            copy_locations(named, node)
            return named
        return seen

    def visit_Call(self, node: ast.Call) -> Any:
        """Turn `x.name(...)` into `_m_name(x, ...)`, and bound the values after a star or double star.

        RestrictedPython would call `_apply_` for a star. Here the guards are in the place of the values, so
        the function itself is called, with Python's own rules for its parameters.
        """
        function = node.func
        node = self._with(node)
        if len(node.args) > 1 and any(isinstance(value, ast.Starred) for value in node.args):
            together = ast.List(node.args, ast.Load())
            copy_locations(together, node)
            node.args = [ast.Starred(self._guard("_spread_", [together], node), ast.Load())]
            copy_locations(node.args[0], node)
        if any(keyword.arg is None for keyword in node.keywords):
            node.keywords = [self._keywords(node)]
        if isinstance(function, ast.Attribute):
            read = node.func
            if isinstance(read, ast.Call):  # else it is the name of a frozen function
                node.func = ast.Name(f"_m_{function.attr}", ast.Load())
                copy_locations(node.func, function)
                node.args.insert(0, read.args[0])
        return node

    def _keywords(self, call: ast.Call) -> ast.keyword:
        """Return all keywords of a call as one, in their order: a name and a value, or None and a dict."""
        parts: list[ast.expr] = []
        for keyword in call.keywords:
            parts += [ast.Constant(keyword.arg), keyword.value]
        together = ast.keyword(None, self._guard("_keywords_", parts, call))
        copy_locations(together, call)
        return together

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        """Leave an item with a literal text as key plain, except for deletion; guard other keys and slices.

        A literal number may be the key of a dict, which finds it only after many others; see `Meter.key`.
        """
        node = self._with(node)
        if isinstance(node.slice, ast.Slice):
            if isinstance(node.ctx, ast.Load):
                return self._guard("_cut_", [node.value, *self._bounds(node.slice)], node)
            if isinstance(node.ctx, ast.Store):  # `visit_Assign` handles the one that is allowed
                self.error(node, "A slice cannot be set here.")
            node.value = self._guard("_delete_", [node.value, ast.Constant(None)], node.value)
            return node
        deleted = isinstance(node.ctx, ast.Del)
        if _is_text(node.slice) and not deleted:
            return node
        if isinstance(node.ctx, ast.Load):
            if isinstance(node.slice, ast.JoinedStr):
                return node
            return self._guard("_item_", [node.value, node.slice], node)
        key = node.slice
        if not _is_literal_key(key):  # it is evaluated once, after the container
            kept = self.gen_tmp_name()
            key = ast.NamedExpr(ast.Name(kept, ast.Store()), node.slice)
            node.slice = ast.Name(kept, ast.Load())
            copy_locations(node.slice, node)
        guard = "_delete_" if deleted else "_write_"
        node.value = self._guard(guard, [node.value, key], node.value)
        return node

    def _bounds(self, bounds: ast.Slice) -> list[ast.expr]:
        return [bound or ast.Constant(None) for bound in (bounds.lower, bounds.upper, bounds.step)]

    # Operators.

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """Guard an operator whose result can be larger than its operands."""
        guard = GUARDED.get(type(node.op))
        bounded = is_bounded(node.op, node.left, node.right)
        node = self._with(node)
        if guard is None or bounded:
            return node
        return self._guard(guard, [node.left, node.right], node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        """Guard one side of each comparison: one is enough, because C code walks only through the smaller."""
        sides = [node.left, *node.comparators]
        cheap = [is_scalar(side, self.scope) for side in sides]
        in_place = [(_is_short(left), _is_literal(right)) for left, right in pairwise(sides)]
        if has_membership(node):
            return self._chain(self._with(node), in_place)
        operators = node.ops
        node = self._with(node)
        if isinstance(operators[0], (ast.In, ast.NotIn)):
            return self._membership(node, *in_place[0])
        sides = [node.left, *node.comparators]
        for place, op in enumerate(operators):
            right = place + 1
            if not isinstance(op, (ast.Is, ast.IsNot)) and not cheap[place] and not cheap[right]:
                sides[right] = self._guard("_bounded_", [sides[right]], sides[right])
                cheap[right] = True
        node.left, node.comparators = sides[0], sides[1:]
        return node

    def _chain(self, node: ast.Compare, in_place: list[tuple[bool, bool]]) -> ast.expr:
        """Turn `a < b in c` into `a < (kept := b) and kept in c`: the guard of `in` takes both sides."""
        parts: list[ast.expr] = []
        left = node.left
        for place, (op, side) in enumerate(zip(node.ops, node.comparators, strict=True)):
            right = following = side
            if place < len(node.ops) - 1 and not isinstance(side, ast.Constant):
                kept = self.gen_tmp_name()
                right = ast.NamedExpr(ast.Name(kept, ast.Store()), side)
                following = ast.Name(kept, ast.Load())
            part = ast.Compare(left, [op], [right])
            copy_locations(part, node)
            if isinstance(op, (ast.In, ast.NotIn)):
                parts.append(self._membership(part, *in_place[place]))
            else:
                if not isinstance(op, (ast.Is, ast.IsNot)):
                    part.comparators = [self._guard("_bounded_", [right], side)]
                parts.append(part)
            left = following
        chain = ast.BoolOp(ast.And(), parts)
        copy_locations(chain, node)
        return chain

    def _membership(self, node: ast.Compare, constant: bool, literal: bool) -> ast.expr:
        """Guard `in`. The left side may be a short constant, and the right side a list of constants."""
        [items] = node.comparators
        if literal:
            return node
        if isinstance(items, ast.Call) and isinstance(items.func, ast.Name) and items.func.id == "_set_":
            [items] = node.comparators = items.args  # the dict that the set is made of
        if constant:
            node.comparators = [self._guard("_haystack_", [items], items)]
            return node
        within = self._guard("_within_", [node.left, items], node)
        if isinstance(node.ops[0], ast.In):
            return within
        negated = ast.UnaryOp(ast.Not(), within)
        copy_locations(negated, node)
        return negated

    # Texts.

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        """Bound each part of an f-string before it is inserted, and the whole text."""
        parts = [self._part(part) for part in node.values]
        if len(parts) > MOST_INSERTED:
            together = ast.List(parts, ast.Load())
            copy_locations(together, node)
            return self._guard("_joined_", [together], node)
        whole = ast.JoinedStr([])
        for part in parts:
            whole.values.append(
                part if isinstance(part, ast.Constant) else ast.FormattedValue(part, -1, None)
            )
        copy_locations(whole, node)
        return self._guard("_text_", [whole], node)

    def _part(self, part: ast.expr) -> ast.expr:
        """Return an expression that gives the text of one part."""
        if not isinstance(part, ast.FormattedValue):
            return self.visit(part)  # type: ignore[no-any-return]
        value: ast.expr = self.visit(part.value)
        spec = part.format_spec
        if part.conversion != -1:
            value = self._guard(_CONVERSIONS[part.conversion], [value], part)
            if spec is None:
                return value
        if spec is None:
            return self._guard("_show_", [value], part)
        assert isinstance(spec, ast.JoinedStr)
        if len(spec.values) == 1 and isinstance(spec.values[0], ast.Constant):
            return self._guard("_format_", [value, spec.values[0]], part)
        return self._guard("_format_", [value, self.visit(spec)], part)


def _is_literal_key(key: ast.expr) -> bool:
    """Return whether a key is a literal text or a literal number, which must be small."""
    return is_small_number(key) or (isinstance(key, ast.Constant) and type(key.value) is not int)


def _is_text(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and type(key.value) is str


def _is_short(needle: ast.expr) -> bool:
    """Return whether the left side of `in` is a literal text that is quickly found."""
    return isinstance(needle, ast.Constant) and type(needle.value) is str and len(needle.value) <= 16


def _is_literal(items: ast.expr) -> bool:
    """Return whether the right side of `in` is a literal list of constants."""
    return isinstance(items, (ast.Tuple, ast.List)) and all(
        isinstance(item, ast.Constant) for item in items.elts
    )
