"""The common state of the policy's rules: the tree that they check, and the problems that they find."""

import ast

from sandbox.check.scope import Scope
from sandbox.check.source import Source
from sandbox.job import Problem
from sandbox.limits import Limits


class Findings:
    """A tree with its names, and the problems found in it, each only once."""

    def __init__(self, tree: ast.Module, scope: Scope, limits: Limits, source: Source) -> None:
        self.tree = tree
        self.scope = scope
        self.limits = limits
        self.source = source
        self.found: dict[tuple[int, int, str], Problem] = {}

    def report(self, node: ast.AST, message: str, hint: str = "") -> None:
        """Add a problem at a node."""
        problem = self.source.problem(node, message, hint)
        self.found.setdefault((problem.line, problem.column, message), problem)
