"""The policy's rules for the patterns of `match`."""

import ast
from collections.abc import Iterator

from sandbox.allowed import EXCEPTIONS
from sandbox.check.costs import facade_path
from sandbox.check.naming import NameRules

#: The types that a pattern can name, and those of them whose value can be named between the parentheses.
_TYPES = frozenset(("bool", "bytes", "dict", "float", "int", "list", "range", "set", "str", "tuple"))
_WITH_VALUE = _TYPES - {"range"}


class PatternRules(NameRules):
    """The rules for patterns, one method for each kind of node."""

    def check_match(self, node: ast.Match) -> None:
        """Refuse cases that can never be reached, and alternatives that set different names."""
        for case in node.cases:
            if _fits_always(case.pattern) and case.guard is None and case is not node.cases[-1]:
                self._unreachable(case.pattern, "case")
            self._names(case.pattern)

    def _unreachable(self, at: ast.pattern, what: str) -> None:
        self.report(at, f"this fits every value, so no {what} after it is reached", "Put it last.")

    def _names(self, pattern: ast.pattern) -> set[str]:
        """Return the names that a pattern sets, and check that it sets each once."""
        if isinstance(pattern, ast.MatchOr):
            alternatives = [self._names(part) for part in pattern.patterns]
            if any(names != alternatives[0] for names in alternatives):
                self.report(
                    pattern,
                    "the alternatives of a pattern set different names",
                    "Set the same names in each.",
                )
            for part in pattern.patterns[:-1]:
                if _fits_always(part):
                    self._unreachable(part, "alternative")
            return alternatives[0]
        names: set[str] = set()
        own = getattr(pattern, "rest", None) or getattr(pattern, "name", None)
        for more in (*map(self._names, _parts(pattern)), {own} if own else set()):
            for name in sorted(names & more):
                self.report(
                    pattern, f"the pattern sets `{name}` twice", "Use two names, and compare them with if."
                )
            names |= more
        return names

    def check_matchas(self, node: ast.MatchAs) -> None:
        """Check a name that a pattern sets."""
        self.name(node, node.name)

    def check_matchstar(self, node: ast.MatchStar) -> None:
        """Check a name that a pattern sets."""
        self.name(node, node.name)

    def check_matchsequence(self, node: ast.MatchSequence) -> None:
        """Refuse several stars."""
        stars = [part for part in node.patterns if isinstance(part, ast.MatchStar)]
        for star in stars[1:]:
            self.report(star, "a pattern has at most one `*`", "Compare the parts with if.")

    def check_matchmapping(self, node: ast.MatchMapping) -> None:
        """Check the keys, each of which may occur once, and the name after `**`."""
        self.name(node, node.rest)
        seen: set[object] = set()
        for key in node.keys:
            self._value(key)
            value = _literal(key)
            if value in seen:
                self.report(key, f"the pattern has the key {value!r} twice", "Write each key once.")
            seen.add(value)

    def check_matchvalue(self, node: ast.MatchValue) -> None:
        """Allow literals, and constants of modules such as `math.pi`."""
        self._value(node.value)

    def _value(self, value: ast.expr) -> None:
        if not isinstance(_literal(value), ast.AST) or facade_path(value, self.scope) is not None:
            return
        self.report(
            value,
            "a pattern can contain literals and constants of modules only",
            "Compare with if, such as `case x if x == limit:`.",
        )

    def check_matchclass(self, node: ast.MatchClass) -> None:
        """Allow the plain types and the errors, with at most a pattern for the value itself."""
        path = facade_path(node.cls, self.scope) or ""
        offered = isinstance(node.cls, ast.Name) and self.scope.is_offered(node.cls)
        kind = node.cls.id if offered else ""  # type: ignore[attr-defined]
        if (
            kind not in _TYPES
            and kind not in EXCEPTIONS
            and not path.startswith(("datetime.", "collections."))
        ):
            self.report(
                node.cls,
                "a pattern with parentheses needs a type",
                f"Write, for example, {', '.join(sorted(_TYPES))}, or an error.",
            )
        elif node.kwd_patterns or len(node.patterns) > (kind in _WITH_VALUE):
            self.report(
                node,
                "the attributes of a value cannot be in a pattern",
                f"Write `case {ast.unparse(node.cls)}() as x:`.",
            )


def _fits_always(pattern: ast.pattern) -> bool:
    """Return whether a pattern fits every value."""
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _fits_always(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and _fits_always(pattern.patterns[-1])


def _parts(pattern: ast.pattern) -> Iterator[ast.pattern]:
    return (part for part in ast.iter_child_nodes(pattern) if isinstance(part, ast.pattern))


def _literal(value: ast.expr) -> object:
    """Return the value of a literal, or the node itself if it is none."""
    if isinstance(value, ast.Constant):
        return value.value
    if isinstance(value, ast.UnaryOp) and isinstance(value.operand, ast.Constant):
        return -value.operand.value  # type: ignore[operator]
    return value
