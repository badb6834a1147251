# ruff: noqa: N802 - the names of the visiting methods are those of the syntax nodes
"""Rewrites a logic's syntax tree to add the metering: the last pass before Python compiles it.

Strategy. RestrictedPython's transformer is an allow list of syntax: it refuses every node type without a
method, in newer Pythons too, and every attribute that begins with an underscore. This subclass keeps that. It
has methods for a few more nodes and a rule of its own for names (`reserved`), and changes the code that the
transformer generates:

- Values of a logic have built-in types only, so most operations need no guard. Costly ones need one: see
  `guards`. A guard is omitted if a constant operand makes it unnecessary.
- `x.name(...)` becomes one call of the guard `_m_name`, and `math.sqrt` the name of the frozen function.
- Each function and loop body begins with ticks; comprehensions and lambdas call a guard that ticks.
- The whole module becomes the body of one function, `_make_`, which returns `process`, or a pair of
  `process` and `on_timer` if the logic has both. So the globals of a
  logic are variables of that call: they are new for every reading, and no instruction writes a global. What
  runs once for each version (see `tables`) is in a function `_tables_`, whose results `_make_` gets.

The policy has checked the tree before, so this pass checks everything a second time.
"""

import ast
from collections.abc import Iterator
from itertools import groupby
from typing import Any, ClassVar

from RestrictedPython.transformer import copy_locations

from sandbox.check.costs import has_slice, is_bounded, is_call_of, weight_of
from sandbox.check.defaults import defaults_of, fresh, is_made_again
from sandbox.check.expressions import GUARDED
from sandbox.check.generators import yields_in
from sandbox.check.patterns import Patterns
from sandbox.check.tables import Tables

#: The functions that pay for the beginning of an iterator themselves.
_ITERATING = frozenset(("enumerate", "filter", "map", "range", "reversed", "sorted", "zip"))
_GUARDED_IN_PLACE = {kind: "_i" + name[1:] for kind, name in GUARDED.items()}


class Metering(Patterns):
    """RestrictedPython's transformer, with this package's guards and ticks."""

    #: When the statements of the top level run.
    tables: ClassVar[Tables]

    def _ticks(self, weight: int, at: ast.stmt) -> list[ast.stmt]:
        def fuel(context: ast.expr_context) -> ast.Attribute:
            return ast.Attribute(ast.Name("_meter_", ast.Load()), "fuel", context)

        pay = ast.AugAssign(fuel(ast.Store()), ast.Sub(), ast.Constant(weight))
        check = ast.If(
            ast.Compare(fuel(ast.Load()), [ast.Lt()], [ast.Constant(0)]),
            [ast.Expr(ast.Call(ast.Name("_exhausted_", ast.Load()), [], []))],
            [],
        )
        copy_locations(pay, at)
        copy_locations(check, at)
        return [pay, check]

    # The module.

    def visit_Module(self, node: ast.Module) -> Any:
        """Turn the module into the function `_make_`, after `_tables_` if it computes tables."""
        once = [line.node for line in self.tables.first]
        later = [line.node for line in self.tables.later]
        weights = [weight_of(once), weight_of(later)]
        made = {line: self._statements([line]) for line in node.body}
        last = node.body[-1]
        process, on_timer = (ast.Name(name, ast.Load()) for name in ("process", "on_timer"))
        timed = any(isinstance(line, ast.FunctionDef) and line.name == "on_timer" for line in node.body)
        give = ast.Return(ast.Tuple([process, on_timer], ast.Load()) if timed else process)
        copy_locations(give, last)
        parts = [*self._unset(), *(part for line in later for part in made[line])]
        body = [*self._ticks(weights[1], last), *parts, give]
        make = self._function("_make_", list(self.tables.names), body, node)
        node.body = [make]
        if once:
            node.body.insert(0, self._function("_tables_", [], self._computed(made, weights[0], last), node))
        return node

    def _function(
        self, name: str, parameters: list[str], body: list[ast.stmt], at: ast.Module
    ) -> ast.FunctionDef:
        arguments = [ast.arg(parameter) for parameter in parameters]
        made = ast.FunctionDef(
            name=name,
            args=ast.arguments(posonlyargs=[], args=arguments, kwonlyargs=[], kw_defaults=[], defaults=[]),
            body=body,
            decorator_list=[],
            returns=None,
            type_comment=None,
            **({"type_params": []} if "type_params" in ast.FunctionDef._fields else {}),  # type: ignore[arg-type]
        )
        copy_locations(made, at.body[0])
        return made

    def _computed(self, made: dict[ast.stmt, list[ast.stmt]], weight: int, last: ast.stmt) -> list[ast.stmt]:
        """Return the body of `_tables_`. Lines that run once cannot change the values of pinned lines."""
        body = self._ticks(weight, last)
        held: list[str] = []
        for once, lines in groupby(self.tables.first, key=lambda line: line.once):
            group = list(lines)
            inner = [part for line in group for part in made[line.node]]
            if once:
                inner = self._holding(held, inner, group[0].node)
            held += [variable.name for line in group if line.pinned for variable in line.sets]
            body += inner
        tables: list[ast.expr] = []
        for name, at in self.tables.names.items():
            value: ast.expr = ast.Name(name, ast.Load())
            if name in self.tables.unsure:
                value = ast.Lambda(ast.arguments([], [], None, [], [], None, []), value)
            guard = "_perhaps_" if name in self.tables.unsure else "_table_"
            tables.append(self._guard(guard, [ast.Constant(name), value], at))
        give = ast.Return(ast.Tuple(tables, ast.Load()))
        copy_locations(give, last)
        return [*body, give]

    def _unset(self) -> Iterator[ast.stmt]:
        """Yield the statements that unset the tables that `_tables_` gives as `...`: it did not set them."""
        for name, at in self.tables.names.items():
            if name in self.tables.unsure:
                unset = ast.If(
                    ast.Compare(ast.Name(name, ast.Load()), [ast.Is()], [ast.Constant(...)]),
                    [ast.Delete([ast.Name(name, ast.Del())])],
                    [],
                )
                copy_locations(unset, at)
                yield unset

    def _holding(self, names: list[str], body: list[ast.stmt], at: ast.stmt) -> list[ast.stmt]:
        """Return a body in which these variables have values that cannot be changed."""
        before: list[ast.stmt] = []
        after: list[ast.stmt] = []
        for name in sorted(set(names)):
            kept = self.gen_tmp_name()
            read = ast.Name(kept, ast.Load())
            fixed = self._guard("_constant_", [ast.Constant(name), read], at)
            before.append(ast.Assign([ast.Name(kept, ast.Store())], ast.Name(name, ast.Load())))
            before.append(ast.Assign([ast.Name(name, ast.Store())], fixed))
            after.append(ast.Assign([ast.Name(name, ast.Store())], read))
        for statement in (*before, *after):
            copy_locations(statement, at)
        return [*before, *body, *after]

    def visit_Import(self, node: ast.Import) -> Any:
        """Remove the import: it is resolved at compile time, so there is nothing to run."""
        return self._no_more(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        """Remove the import: it is resolved at compile time, so there is nothing to run."""
        return self._no_more(node)

    def _no_more(self, node: Any) -> Any:
        self.check_import_names(node)
        nothing = ast.Pass()
        copy_locations(nothing, node)
        return nothing

    # Functions, loops, handlers: ticks.

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Make a function pay when it is called, and make its lists, dicts and sets of defaults again."""
        made = [default for _, default in defaults_of(node.args) if is_made_again(default, self.scope)]
        weight = weight_of(node.body, *made)
        again = self._made_again(node.args)
        generates = any(yields_in(node.body))
        node = super().visit_FunctionDef(node)  # type: ignore[assignment]
        if generates:
            node.decorator_list = [ast.Name("_generating_", ast.Load())]
            copy_locations(node.decorator_list[0], node)
        node.body = [*self._ticks(weight, node), *again, *node.body]
        return node

    def _made_again(self, arguments: ast.arguments) -> list[ast.stmt]:
        """Replace the defaults that a logic could change by `...`, and return the statements that make them.

        A logic has no other `...`, so this value says that the call does not pass the parameter.
        """
        made: list[ast.stmt] = []
        for parameter, default in defaults_of(arguments):
            if not is_made_again(default, self.scope):
                continue
            again = ast.If(
                ast.Compare(ast.Name(parameter.arg, ast.Load()), [ast.Is()], [ast.Constant(...)]),
                [ast.Assign([ast.Name(parameter.arg, ast.Store())], self.visit(fresh(default, self.scope)))],
                [],
            )
            copy_locations(again, default)
            made.append(again)
            for defaults in (arguments.defaults, arguments.kw_defaults):
                for place in [place for place, value in enumerate(defaults) if value is default]:
                    defaults[place] = ast.copy_location(ast.Constant(...), default)
        return made

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Any:
        """Allow `nonlocal`: the functions of a logic, and so their variables, are new for every reading."""
        for name in node.names:
            self.check_name(node, name)
        return node

    def visit_Yield(self, node: ast.Yield) -> Any:
        """Make a generator pay when it is resumed."""
        return self._guard("_resumed_", [self._with(node)], node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Any:
        """Make `yield from` pay for each item."""
        node = self._with(node)
        node.value = self._guard("_passing_", [node.value], node.value)
        return node

    def visit_While(self, node: ast.While) -> Any:
        """Make a loop pay for each iteration."""
        weight = weight_of(node.test, node.body)
        node = super().visit_While(node)  # type: ignore[assignment]
        node.body = [*self._ticks(weight, node), *node.body]
        return node

    def visit_For(self, node: ast.For) -> Any:
        """Make a loop pay for each iteration."""
        weight = weight_of(node.target, node.body)
        paid = is_call_of(_ITERATING, node.iter, self.scope) or isinstance(node.iter, (ast.List, ast.Tuple))
        node = self._with(node)
        if not paid:
            node.iter = self._guard("_begun_", [node.iter], node.iter)
        node.body = [*self._ticks(weight, node), *node.body]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        """Make a handler pay, and prevent it from handling errors that must end the logic."""
        node = super().visit_ExceptHandler(node)  # type: ignore[assignment]
        caught = ast.Expr(self._guard("_caught_", [], node))
        copy_locations(caught, node)
        node.body = [caught, *node.body]
        return node

    def visit_Try(self, node: ast.Try) -> Any:
        """Prevent a `finally` block from replacing errors that must end the logic."""
        node = self._with(node)
        if node.finalbody:
            ended = ast.Expr(self._guard("_ended_", [], node.finalbody[0]))
            copy_locations(ended, node.finalbody[0])
            node.finalbody = [ended, *node.finalbody]
        return node

    # Assignment.

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Guard a slice as the only target, and starred unpacking; keep the rest plain."""
        [*others, last] = node.targets
        if not others and isinstance(last, ast.Subscript) and isinstance(last.slice, ast.Slice):
            parts = [node.value, last.value, *self._bounds(last.slice)]
            set_cut = ast.Expr(self._guard("_set_cut_", [self.visit(part) for part in parts], node))
            copy_locations(set_cut, node)
            return set_cut
        node = self._with(node)
        unpacked = [target for target in node.targets if isinstance(target, (ast.Tuple, ast.List))]
        if any(isinstance(item, ast.Starred) for target in unpacked for item in target.elts):
            node.value = self._guard("_spread_", [node.value], node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """Keep `x += 1` and `x["n"] += 1` plain; else guard the operator and evaluate target and key once."""
        if isinstance(node.target, ast.Attribute):
            return super().visit_AugAssign(node)
        guard = _GUARDED_IN_PLACE.get(type(node.op))
        if has_slice(node.target):
            return self._change_slice(node)
        if guard is None or is_bounded(node.op, None, node.value):
            return self._with(node)
        node = self._with(node)
        if isinstance(node.target, ast.Name):
            read = ast.Name(node.target.id, ast.Load())
            made = ast.Assign([node.target], self._guard(guard, [read, node.value], node))
            copy_locations(made, node)
            return made
        assert isinstance(node.target, ast.Subscript)
        holder = self.gen_tmp_name()
        keep = ast.Assign([ast.Name(holder, ast.Store())], node.target.value)  # which keeps the key too
        key = node.target.slice

        def item(context: ast.expr_context) -> ast.Subscript:
            return ast.Subscript(ast.Name(holder, ast.Load()), key, context)

        read_item = item(ast.Load())
        copy_locations(read_item, node)
        change = ast.Assign([item(ast.Store())], self._guard(guard, [read_item, node.value], node))
        statements: list[ast.stmt] = [keep, change]
        for statement in statements:
            copy_locations(statement, node)
        return statements

    def _change_slice(self, node: ast.AugAssign) -> Any:
        """Turn `w[a:b] += x` into reading the slice, changing it, and writing it, with `w`, `a`, `b` kept."""
        target = node.target
        assert isinstance(target, ast.Subscript)
        assert isinstance(target.slice, ast.Slice)
        parts = [self.visit(part) for part in (target.value, *self._bounds(target.slice))]
        names = [self.gen_tmp_name() for _ in (*parts, "the slice")]
        [*kept, changed] = names

        def read(names: list[str]) -> list[ast.expr]:
            return [ast.Name(name, ast.Load()) for name in names]

        guard = _GUARDED_IN_PLACE.get(type(node.op))
        value = self.visit(node.value)
        change: ast.stmt = ast.AugAssign(ast.Name(changed, ast.Store()), node.op, value)
        if guard is not None:
            made = self._guard(guard, [*read([changed]), value], node)
            change = ast.Assign([ast.Name(changed, ast.Store())], made)
        statements: list[ast.stmt] = [
            *(
                ast.Assign([ast.Name(name, ast.Store())], part)
                for name, part in zip(kept, parts, strict=True)
            ),
            ast.Assign([ast.Name(changed, ast.Store())], self._guard("_cut_", read(kept), node)),
            change,
            ast.Expr(self._guard("_set_cut_", read([changed, *kept]), node)),
        ]
        for statement in statements:
            copy_locations(statement, node)
        return statements
