"""The names of a logic: which it binds, which it imports, and where a module stands before a dot."""

import ast
from collections.abc import Iterator

from sandbox.allowed import EXCEPTIONS, MODULES, NAMES, VALUES


class Scope:
    """The names of one tree.

    `bound` are all names that the logic sets somewhere, `imports` the imported names with their path in
    the facades (`m` → `math`, `sqrt` → `math.sqrt`), `modules` those of them that are modules, and
    `module_uses` the ids of the name nodes that stand as a module before a dot.
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
        # The same name for a module here and for what is in a module there: the later one counts.
        self.modules = {name: path for name, path in self.modules.items() if self.imports[name] == path}

    def knows(self, name: str) -> bool:
        """Whether a name is offered, imported or bound somewhere."""
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
    elif isinstance(node, ast.ExceptHandler) and node.name is not None:
        yield node.name
