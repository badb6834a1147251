"""The policy's rules for `yield`: it makes a generator of a function, and of nothing else."""

import ast
from collections.abc import Iterable, Iterator

from sandbox.check.matches import PatternRules

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Yield = ast.Yield | ast.YieldFrom


class GeneratorRules(PatternRules):
    """The rules for generators."""

    def generators(self) -> None:
        """Refuse `yield` outside of a function, and where Python would run code of a generator later."""
        self._outside(self.tree.body, "at the top level")
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Lambda):
                self._outside([node.body], "in a lambda")
            elif isinstance(node, ast.arguments):
                self._outside([node], "in a default")
            elif isinstance(node, _COMPREHENSIONS):
                self._outside([node], "in a comprehension")
            elif isinstance(node, ast.Try) and node.finalbody:
                for found in yields_in([node]):
                    self.report(
                        found,
                        "`yield` in a `try` with `finally` is not available",
                        "The `finally` could run in a later reading. Put its work after the loop.",
                    )

    def _outside(self, nodes: Iterable[ast.AST], where: str) -> None:
        for found in yields_in(nodes):
            self.report(found, f"`yield` {where} is not available", "Write it in a function with `def`.")

    def check_generator(self, node: ast.FunctionDef) -> None:
        """Refuse `yield` in `process` itself."""
        for found in yields_in(node.body):
            self.report(
                found,
                "process cannot use `yield`",
                "Return a list of dicts if a reading has several results.",
            )


def yields_in(nodes: Iterable[ast.AST]) -> Iterator[Yield]:
    """Yield the `yield` expressions in these nodes, without those of functions and lambdas inside."""
    ahead = list(nodes)
    while ahead:
        node = ahead.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            ahead.extend(ast.iter_child_nodes(node))
