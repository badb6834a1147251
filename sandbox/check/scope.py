"""The names of a logic: those that it binds, those that it imports, and the modules used before a dot."""

import ast
from collections.abc import Iterator

from sandbox.allowed import EXCEPTIONS, MODULES, NAMES, VALUES


class Scope:
    """The names of one tree.

    `bound` has all names that the logic sets somewhere. `imports` has the imported names with their path in
    the facades (`m` → `math`, `sqrt` → `math.sqrt`), and `modules` those of them that are modules.
    `module_uses` has the ids of the name nodes before a dot.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.bound: set[str] = set()
        self.imports: dict[str, str] = {}
        self.modules: dict[str, str] = {}
        self.module_uses: set[int] = set()
        for node in ast.walk(tree):
            self.bound.update(_bound_by(node))
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in MODULES:
                        self.modules[alias.asname or alias.name] = alias.name
                        self.imports[alias.asname or alias.name] = alias.name
            elif (
                isinstance(node, ast.ImportFrom) and node.module and node.module in MODULES and not node.level
            ):
                for alias in node.names:
                    if alias.name in MODULES[node.module]:
                        self.imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                self.module_uses.add(id(node.value))
        # If one name is imported both as a module and as a member of a module, the later import counts.
        self.modules = {name: path for name, path in self.modules.items() if self.imports[name] == path}

    def knows(self, name: str) -> bool:
        """Return whether a name is available, imported or bound somewhere."""
        return (
            name in self.bound
            or name in self.imports
            or name in NAMES
            or name in VALUES
            or name in EXCEPTIONS
        )


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Store):
            yield node.id
    elif isinstance(node, ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name is not None:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        yield node.rest
