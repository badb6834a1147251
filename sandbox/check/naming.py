"""The policy's rules for names: which a logic may read, which it may set, and which may follow a dot."""

import ast

from sandbox.allowed import ATTRIBUTES, EXCEPTIONS, MODULES, NAMES, VALUES
from sandbox.check import hints
from sandbox.check.findings import Findings


class NameRules(Findings):
    """The rules for names, one method for each kind of node that contains a name."""

    def name(self, node: ast.AST, name: str | None, *, binds: bool) -> None:
        """Check how a name begins, and whether it may be set."""
        if name is None or name == "_":
            return
        if name.startswith("_"):
            self.report(
                node, f"`{name}` is not available: it begins with an underscore", "Choose another name."
            )
        elif name.endswith("__roles__") or (binds and name in ("print", "printed", "builtins", "breakpoint")):
            self.report(node, f"`{name}` is a reserved name", "Choose another name.")
        elif binds and (name in NAMES or name in EXCEPTIONS):
            self.report(
                node,
                f"`{name}` is a function or type and cannot be set",
                f"Choose another name, such as {name}_1.",
            )
        elif binds and name in VALUES:
            self.report(
                node,
                f"`{name}` belongs to the machine and cannot be set",
                f"Choose another name, such as {name}_1.",
            )
        elif (
            binds
            and name in self.scope.imports
            and not isinstance(node, (ast.alias, ast.Import, ast.ImportFrom))
        ):
            self.report(
                node, f"`{name}` is imported and cannot be set", f"Choose another name, such as {name}_1."
            )

    def check_name(self, node: ast.Name) -> None:
        """Check that a variable is known and is not a module."""
        binds = not isinstance(node.ctx, ast.Load)
        self.name(node, node.id, binds=binds)
        if binds or node.id.startswith("_"):
            return
        if node.id in self.scope.modules:
            if id(node) not in self.scope.module_uses:
                module = self.scope.modules[node.id]
                self.report(
                    node,
                    f"the module {module} cannot be used as a value",
                    f"Write {node.id}.{next(iter(MODULES[module]))} or another member.",
                )
        elif not self.scope.knows(node.id):
            self.report(node, f"`{node.id}` is not available", hints.for_unknown(node.id, self.scope.bound))

    def check_arg(self, node: ast.arg) -> None:
        """Check a parameter as a name that is set."""
        self.name(node, node.arg, binds=True)

    def check_keyword(self, node: ast.keyword) -> None:
        """Check a keyword of a call."""
        if node.arg is None:
            self.report(node, "`**` in a call is not available", "Write the values out.")
        else:
            self.name(node, node.arg, binds=False)

    def check_attribute(self, node: ast.Attribute) -> None:
        """Check the name after a dot."""
        name = node.attr
        of_module = isinstance(node.value, ast.Name) and node.value.id in self.scope.modules
        if name == "__name__" and isinstance(node.ctx, ast.Load) and not of_module:
            return  # of a type or a function
        if name.startswith("_"):
            self.report(node, f"`.{name}` is not available: it begins with an underscore", "")
            return
        if not isinstance(node.ctx, ast.Load):
            self.report(
                node,
                f"`.{name}` cannot be set",
                f"To set an entry of a dict, write state['{name}'] = value.",
            )
            return
        if isinstance(node.value, ast.Name) and node.value.id in self.scope.modules:
            module = self.scope.modules[node.value.id]
            if name not in MODULES[module]:
                self.report(node, f"`{module}.{name}` is not available", self._in_module(module, name))
        elif name not in ATTRIBUTES and name != "args":
            self.report(node, f"`.{name}` is not available", hints.for_attribute(name))

    def _in_module(self, module: str, name: str) -> str:
        if name in hints.ATTRIBUTES:
            return hints.ATTRIBUTES[name]
        return f"{module} has: {', '.join(MODULES[module])}."

    # Imports.

    def check_import(self, node: ast.Import) -> None:
        """Check an import such as `import math`."""
        for alias in node.names:
            if alias.name not in MODULES:
                self.report(
                    node,
                    f"`import {alias.name}` is not available; {hints.modules()} are",
                    hints.for_import(alias.name),
                )
            self.imported(node, alias)

    def check_importfrom(self, node: ast.ImportFrom) -> None:
        """Check an import such as `from math import sqrt`."""
        if node.module == "__future__" and not node.level:
            return
        if node.level or not node.module or node.module not in MODULES:
            module = "." * node.level + (node.module or "")
            self.report(
                node,
                f"`from {module} import` is not available; {hints.modules()} are",
                hints.for_import(module),
            )
            return
        for alias in node.names:
            if alias.name == "*":
                self.report(node, "`import *` is not available", "Name what you need.")
            elif alias.name not in MODULES[node.module]:
                self.report(
                    node,
                    f"`{node.module}.{alias.name}` is not available",
                    self._in_module(node.module, alias.name),
                )
            self.imported(node, alias)

    def imported(self, node: ast.AST, alias: ast.alias) -> None:
        """Check the name that an import sets."""
        if alias.name == "*":
            return
        self.name(node, alias.asname or alias.name.partition(".")[0], binds=True)
        if alias.name.startswith("_"):
            self.name(node, alias.name, binds=False)
