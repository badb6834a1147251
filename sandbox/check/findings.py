"""The common state of the policy's rules: the tree that they check, and their findings."""

import ast
from collections.abc import Mapping

from sandbox.check.scope import Block, Scope
from sandbox.check.source import Source
from sandbox.job import Problem
from sandbox.limits import Limits


class Findings:
    """A tree with its names, and the problems and notes found in it, each only once.

    `aliases` has the type aliases, which are not in the tree any more, with their lines.
    """

    def __init__(
        self,
        tree: ast.Module,
        scope: Scope,
        limits: Limits,
        source: Source,
        aliases: Mapping[str, int],
    ) -> None:
        self.tree = tree
        self.scope = scope
        self.aliases = aliases
        self.limits = limits
        self.source = source
        self.found: dict[tuple[int, int, str], Problem] = {}
        self.notes: list[Problem] = []
        #: The uses of names without a meaning, each with its block, and what follows each name after a dot.
        self.unknown: list[tuple[ast.Name, Block]] = []
        self.members: dict[str, set[str]] = {}
        #: The values that are statements of their own; the policy sees a statement before its parts.
        self.statements: set[ast.expr] = set()

    def report(self, node: ast.AST, message: str, hint: str = "") -> None:
        """Add a problem at a node."""
        problem = self.source.problem(node, message, hint)
        self.found.setdefault((problem.line, problem.column, message), problem)

    def note(self, node: ast.AST, message: str, hint: str = "") -> None:
        """Add a note, which does not refuse the logic."""
        self.notes.append(self.source.problem(node, message, hint))
