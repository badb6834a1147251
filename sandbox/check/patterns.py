# ruff: noqa: N802 - the names of the visiting methods are those of the syntax nodes
"""The metering of `match`: the part of the transformer that handles patterns; see `transformer`.

Strategy. Python matches in C, and nothing pays for that: a pattern with a star copies a list even if it then
fails. So each pattern becomes a tuple that describes it, which `runtime.matching` reads::

    case {"kind": "temp", "value": v} if v > 0:      →
    case _ if (found := _match_(subject, ("mapping", …), 2, 1)) is not None and ((v := found[0]),) and v > 0:

`match` itself stays, with patterns that always fit. So do the patterns that need no work: names and `_`.
"""

import ast
from typing import Any

from RestrictedPython.transformer import copy_locations

from sandbox.check.expressions import Expressions

#: Describes a pattern: its kind, then the parts of this kind; see `runtime.matching`.
Spec = tuple[Any, ...]
#: Parts of a pattern that one tick pays for.
PARTS_PER_TICK = 2


class Patterns(Expressions):
    """RestrictedPython's transformer, which also matches patterns by a guard."""

    def visit_Match(self, node: ast.Match) -> Any:
        """Keep the subject, and match it case by case."""
        subject = self.gen_tmp_name()
        keep = ast.Assign([ast.Name(subject, ast.Store())], self.visit(node.subject))
        node.subject = ast.Name(subject, ast.Load())
        copy_locations(keep, node)
        copy_locations(node.subject, node)
        for case in node.cases:
            self._case(case, subject)
        return [keep, node]

    def _case(self, case: ast.match_case, subject: str) -> None:
        plan = _Plan(self)
        spec = plan.spec(case.pattern)
        conditions: list[ast.expr] = []
        if not _fits_always(case.pattern):
            found = self.gen_tmp_name()
            weight = (
                1 + sum(isinstance(part, ast.pattern) for part in ast.walk(case.pattern)) // PARTS_PER_TICK
            )
            described = [ast.Constant(value) for value in (spec, weight, len(plan.slots))]  # type: ignore[arg-type]
            parts = [ast.Name(subject, ast.Load()), *described, *plan.given]
            match = ast.NamedExpr(ast.Name(found, ast.Store()), self._guard("_match_", parts, case.pattern))
            conditions.append(ast.Compare(match, [ast.IsNot()], [ast.Constant(None)]))
            captures: list[ast.expr] = [
                ast.NamedExpr(
                    ast.Name(name, ast.Store()),
                    ast.Subscript(ast.Name(found, ast.Load()), ast.Constant(slot), ast.Load()),
                )
                for name, slot in plan.slots.items()
            ]
            if captures:  # a tuple that is not empty is true
                conditions.append(ast.Tuple(captures, ast.Load()))
            fits = ast.MatchAs()
            copy_locations(fits, case.pattern)
            for condition in conditions:
                copy_locations(condition, case.pattern)
            case.pattern = fits
        if case.guard is not None:
            conditions.append(self.visit(case.guard))
        if len(conditions) == 1:
            [case.guard] = conditions
        elif conditions:
            case.guard = ast.BoolOp(ast.And(), conditions)
            copy_locations(case.guard, conditions[0])
        case.body = self._statements(case.body)

    def _statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        holder = ast.If(ast.Constant(True), body, [])
        self.node_contents_visit(holder)
        return holder.body


class _Plan:
    """The description of one pattern: the names that it sets, and the values that it needs at run time."""

    def __init__(self, transformer: Patterns) -> None:
        self._transformer = transformer
        self.slots: dict[str, int] = {}
        self.given: list[ast.expr] = []

    def spec(self, pattern: ast.pattern) -> Spec:
        """Return the description of a pattern."""
        match pattern:
            case ast.MatchValue(value):
                return self._value(value)
            case ast.MatchSingleton(value):
                return "is", value
            case ast.MatchAs(None, name):
                return "any", self._slot(pattern, name)
            case ast.MatchAs(ast.pattern() as inner, name):
                return "as", self.spec(inner), self._slot(pattern, name)
            case ast.MatchOr(patterns):
                return "or", tuple(map(self.spec, patterns))
            case ast.MatchSequence(patterns):
                return self._sequence(patterns)
            case ast.MatchMapping(keys, patterns, rest):
                entries = tuple(zip(map(self._value, keys), map(self.spec, patterns), strict=True))
                return "mapping", entries, self._slot(pattern, rest)
            case ast.MatchClass(kind, patterns):
                return "type", self._give(kind), self.spec(patterns[0]) if patterns else None
        raise ValueError(f"a pattern of an unknown kind: {type(pattern).__name__}")

    def _sequence(self, patterns: list[ast.pattern]) -> Spec:
        for place, pattern in enumerate(patterns):
            if isinstance(pattern, ast.MatchStar):
                before = tuple(map(self.spec, patterns[:place]))
                slot = self._slot(pattern, pattern.name)
                return "star", before, slot, tuple(map(self.spec, patterns[place + 1 :]))
        return "sequence", tuple(map(self.spec, patterns))

    def _value(self, value: ast.expr) -> Spec:
        if isinstance(value, ast.Constant):
            return "equal", value.value
        if isinstance(value, ast.UnaryOp) and isinstance(value.operand, ast.Constant):
            return "equal", -value.operand.value  # type: ignore[operator]
        return "given", self._give(value)

    def _give(self, value: ast.expr) -> int:
        self.given.append(self._transformer.visit(value))
        return len(self.given) - 1

    def _slot(self, at: ast.pattern, name: str | None) -> int | None:
        if name is None:
            return None
        self._transformer.check_name(at, name)
        return self.slots.setdefault(name, len(self.slots))


def _fits_always(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None
