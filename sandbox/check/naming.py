"""The policy's rules for names: which a logic may use, which it may set, and which may follow a dot."""

import __future__

import ast
from functools import cached_property

from sandbox.allowed import ATTRIBUTES, EXCEPTIONS, MODULES, NEVER_SET, TYPING, VALUES
from sandbox.check import hints, missing
from sandbox.check.findings import Findings
from sandbox.check.flow import unset
from sandbox.check.reserved import is_reserved
from sandbox.check.scope import OFFERED, Binding, Variable


class NameRules(Findings):
    """The rules for names, one method for each kind of node that contains a name."""

    def name(self, node: ast.AST, name: str | None) -> None:
        """Check the shape of a name."""
        if name is None:
            return
        if name == "__name__":
            self.report(node, "`__name__` is not available", "Omit it: the service calls process itself.")
        elif is_reserved(name):
            self.report(
                node,
                f"`{name}` is not available: its underscores are reserved",
                "Choose another name. It may begin with one underscore, but not end with one.",
            )

    def check_name(self, node: ast.Name) -> None:
        """Check that a name has a meaning, and means a value."""
        binds = not isinstance(node.ctx, ast.Load)
        self.name(node, node.id)
        variable, block = self.scope.uses[node]
        if isinstance(node.ctx, ast.Del) and variable is not None and variable.bound_by(Binding.IMPORT):
            self.report(node, f"`{node.id}` is imported and cannot be deleted", "Delete this line.")
        if binds or is_reserved(node.id):
            return
        if variable is None:
            if node.id not in OFFERED:
                self.unknown.append((node, block))
        elif variable.path is not None:
            self.check_imported(node, variable.path)

    def report_unknown(self) -> None:
        """Report each name without a meaning once, with all lines that use it."""
        uses = dict[missing.Words, list[ast.Name]]()
        for node, block in sorted(self.unknown, key=lambda use: (use[0].lineno, use[0].col_offset)):
            members = self.members.get(node.id, ())
            words = missing.unknown(node.id, block, self.scope, self.aliases, members)
            uses.setdefault(words, []).append(node)
        for (message, hint), nodes in uses.items():
            lines = sorted({node.lineno for node in nodes} - {nodes[0].lineno})
            self.report(nodes[0], message, f"{hint} {missing.also_in(lines)}".strip() if lines else hint)

    def check_imported(self, node: ast.Name, path: str) -> None:
        """Check that a module is used as a module, and a value as a value."""
        if path in TYPING or path.rpartition(".")[0] in TYPING:
            self.report(
                node, f"`{node.id}` is only for annotations", "Types are not checked. Write the value alone."
            )
        elif path in MODULES and node not in self.scope.before_dot:
            self.report(
                node,
                f"the module {path} cannot be used as a value",
                f"Write {node.id}.{next(iter(MODULES[path]))} or another member.",
            )

    def check_arg(self, node: ast.arg) -> None:
        """Check a parameter as a name that is set."""
        self.name(node, node.arg)

    def check_nonlocal(self, node: ast.Nonlocal) -> None:
        """Check the names of variables of an outer function."""
        for name in node.names:
            self.name(node, name)

    def check_keyword(self, node: ast.keyword) -> None:
        """Check a keyword of a call."""
        self.name(node, node.arg)

    def check_attribute(self, node: ast.Attribute) -> None:
        """Check the name after a dot."""
        name = node.attr
        of_module = self.scope.import_of(node.value) in MODULES
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
        variable = self.scope.variable_of(node.value)
        if variable is None and isinstance(node.value, ast.Name) and node.value.id not in OFFERED:
            self.members.setdefault(node.value.id, set()).add(name)
            return  # the name before the dot is the problem
        if variable is not None and variable.bound_by(Binding.IMPORT):
            module = variable.path
            if module is None or module in TYPING:
                return  # the import, or the name before the dot, is the problem
            if module in MODULES:
                if name not in MODULES[module]:
                    self.report(node, f"`{module}.{name}` is not available", self._in_module(module, name))
                return
        if name not in ATTRIBUTES and name != "args":
            self.report(node, f"`.{name}` is not available", hints.for_attribute(name))

    def _in_module(self, module: str, name: str) -> str:
        if name in hints.ATTRIBUTES:
            return hints.ATTRIBUTES[name]
        if module in MODULES[module] and name in ATTRIBUTES:
            return f"Write `from {module} import {module}` in the first line, or {module}.{module}.{name}."
        return f"{module} has: {', '.join(MODULES[module])}."

    # Variables.

    def variables(self) -> None:
        """Check each variable by all places that bind it, and each use of it by the lines that run before."""
        for variable in self.scope.variables():
            if variable.bound_by(Binding.IMPORT):
                self.check_imports(variable)
            if variable.block is self.scope.top and variable.name in OFFERED:
                self.check_always_set(variable)
            if variable.name in NEVER_SET and not variable.block.is_comprehension:
                for node, binding in variable.binders:
                    if binding is not Binding.PARAMETER:
                        self.report(
                            node,
                            f"`{variable.name}` belongs to the machine and cannot be set",
                            f"Choose another name, such as {hints.other_name(variable.name)}.",
                        )
            if variable.block is self.scope.top and variable.name == "process":
                for node, binding in variable.binders:
                    if binding is not Binding.FUNCTION:
                        self.report(node, "process must be a function", "Write `def process(data, state):`.")
        for use in unset(self.tree, self.scope):
            used = self.scope.variable_of(use)
            assert used is not None
            self.report(use, *missing.not_set(use, used, self.scope))
        for statement, wanted in self.scope.homeless:
            self.report(statement, *missing.homeless(wanted, self.scope))

    def check_imports(self, variable: Variable) -> None:
        """Check that an imported name has one meaning: the compiler resolves it, before anything runs."""
        name = variable.name
        imports = [node for node, binding in variable.binders if binding is Binding.IMPORT]
        for node, binding in variable.binders:
            if binding is not Binding.IMPORT:
                self.report(
                    node, f"`{name}` is imported and cannot be set", f"Choose another name, such as {name}_1."
                )
        paths = {path for path in map(self.scope.paths.get, imports) if path is not None}
        if len(paths) < 2:
            return
        first, last = (getattr(node, "lineno", 1) for node in (imports[0], imports[-1]))
        between = any(
            used is variable and block is self.scope.top and first <= node.lineno <= last
            for node, (used, block) in self.scope.uses.items()
        )
        if between or not all(node in self.imported_first for node in imports):
            self.report(
                imports[-1],
                f"`{name}` is imported twice, as {' and as '.join(sorted(paths))}",
                f"Give one of them another name, such as `import … as {name}_1`.",
            )

    @cached_property
    def imported_first(self) -> set[ast.alias]:
        """The imports that run in any case: those directly at the top level."""
        statements = (ast.Import, ast.ImportFrom)
        return {alias for line in self.tree.body if isinstance(line, statements) for alias in line.names}

    def check_always_set(self, variable: Variable) -> None:
        """Refuse a name at the top level that can mean a variable or an offered function."""
        name = variable.name
        if not any(id(node) in self._direct for node, _ in variable.binders):
            for node, _ in variable.binders[:1]:
                self.report(
                    node,
                    f"`{name}` is set only in some cases, and means {_offer(name)} in the others",
                    f"Choose another name, such as {hints.other_name(name)}.",
                )

    @cached_property
    def _direct(self) -> set[int]:
        """The ids of the nodes that bind names in statements directly at the top level."""
        found: set[int] = set()
        for line in self.tree.body:
            if isinstance(line, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found.add(id(line))
            elif isinstance(line, (ast.Assign, ast.Import, ast.ImportFrom)):
                found.update(id(node) for node in ast.walk(line))
        return found

    # Imports.

    def check_import(self, node: ast.Import) -> None:
        """Check an import such as `import math`."""
        for alias in node.names:
            if alias.name not in MODULES and alias.name not in TYPING:
                self.report(
                    node,
                    f"`import {alias.name}` is not available; {hints.modules()} are",
                    hints.for_import(alias.name),
                )
            self.imported(node, alias)

    def check_importfrom(self, node: ast.ImportFrom) -> None:
        """Check an import such as `from math import sqrt`."""
        if node.module == "__future__" and not node.level:
            for alias in node.names:
                if alias.name not in __future__.all_feature_names:
                    self.report(node, f"Python has no future feature {alias.name!r}", "Delete this line.")
            return
        if node.level or not node.module or (node.module not in MODULES and node.module not in TYPING):
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
            elif alias.name not in MODULES.get(node.module, (alias.name,)):
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
        self.name(node, alias.asname or alias.name.partition(".")[0])
        if alias.name.startswith("_"):
            self.name(node, alias.name)


def _offer(name: str) -> str:
    """Return a description of the offered value with this name."""
    kind = "the value" if name in VALUES else "the error" if name in EXCEPTIONS else "the function"
    return f"{kind} {name}"
