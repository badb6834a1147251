# ruff: noqa: N815 - the names of the visiting methods are those of the syntax nodes
"""The scopes of a logic: which block binds each name, and the meaning of each use of a name.

Strategy. Python decides from the text alone where a name belongs: a name that a function sets anywhere is a
variable of that function in all its lines. This module does the same. One walk makes the blocks (the top
level, functions, lambdas and comprehensions) and their variables. Then each use is looked up in its own block
and in those around it. A name that no block binds is one that the sandbox offers, or it is unknown.

The compiler has removed the annotations before. Nodes that the policy refuses bind their names too, so one
mistake does not cause further problems.
"""

import ast
from collections.abc import Iterator
from enum import Enum

from sandbox.allowed import EXCEPTIONS, MODULES, NAMES, TYPING, VALUES

#: Everything that a logic can use without setting or importing it.
OFFERED = frozenset((*NAMES, *VALUES, *EXCEPTIONS))

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Binding(Enum):
    """The way in which a node binds a name."""

    SET = "set"
    PARAMETER = "parameter"
    FUNCTION = "function"
    IMPORT = "import"
    HANDLER = "handler"


class Variable:
    """A name in the block that binds it.

    `binders` has the nodes that bind it, each with the way. `path` is the path of its last import (`math`,
    `math.sqrt`), or None. `shared`: an inner function sets it too, by `nonlocal`.
    """

    def __init__(self, block: "Block", name: str) -> None:
        self.block = block
        self.name = name
        self.binders: list[tuple[ast.AST, Binding]] = []
        self.path: str | None = None
        self.shared = False

    @property
    def line(self) -> int:
        """The line that binds it first."""
        return min((getattr(node, "lineno", self.block.line) for node, _ in self.binders), default=1)

    def bound_by(self, *bindings: Binding) -> bool:
        """Return whether it is bound in one of these ways."""
        return any(binding in bindings for _, binding in self.binders)

    @property
    def function(self) -> ast.FunctionDef | None:
        """The function that it always is, if one `def` binds it and nothing else does."""
        if len(self.binders) == 1 and isinstance(self.binders[0][0], ast.FunctionDef) and not self.shared:
            return self.binders[0][0]
        return None


class Block:
    """A part of the source with variables of its own: the top level, a function or a comprehension."""

    def __init__(self, node: ast.AST, parent: "Block | None") -> None:
        self.node = node
        self.parent = parent
        self.variables: dict[str, Variable] = {}
        #: Names that a statement declares as variables of an outer block.
        self.outer: dict[str, ast.Nonlocal | ast.Global] = {}

    @property
    def line(self) -> int:
        """The line in which it begins."""
        return getattr(self.node, "lineno", 1)

    @property
    def name(self) -> str | None:
        """The name of a function; None for all other blocks."""
        return getattr(self.node, "name", None)

    @property
    def is_comprehension(self) -> bool:
        """Whether it is a comprehension or generator expression."""
        return isinstance(self.node, COMPREHENSIONS)

    def around(self) -> Iterator["Block"]:
        """Yield this block and those around it, the innermost first."""
        block: Block | None = self
        while block is not None:
            yield block
            block = block.parent

    def look_up(self, name: str) -> Variable | None:
        """Return the variable that a name means in this block, or None if no block binds it."""
        return next((block.variables[name] for block in self.around() if name in block.variables), None)


class Scope(ast.NodeVisitor):
    """All blocks and variables of one tree.

    `blocks` has the block of each function, lambda and comprehension, by its node. `uses` has the variable
    that a name in the tree means, and the block in which it is used; the variable is None if no block binds
    it. `before_dot` has the expressions before a dot. `homeless` has the `nonlocal` statements with a name
    that no outer function binds. `paths` has the path of each imported name; None if it is not available.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.top = self._block = Block(tree, None)
        self.blocks: dict[ast.AST, Block] = {tree: self.top}
        self.uses: dict[ast.Name, tuple[Variable | None, Block]] = {}
        self.before_dot: set[ast.expr] = set()
        self.homeless: list[tuple[ast.Nonlocal, str]] = []
        self.paths: dict[ast.AST, str | None] = {}
        self._order: list[Variable] = []
        self._inside: dict[ast.AST, tuple[int, int]] = {}
        self._names: list[tuple[ast.Name, Block]] = []
        self._declared: list[tuple[Block, str, ast.AST, Binding]] = []
        self.generic_visit(tree)
        for block in self.blocks.values():
            for name, statement in block.outer.items():
                if isinstance(statement, ast.Nonlocal) and self._outside(block, name) is None:
                    self.homeless.append((statement, name))
        for block, name, node, binding in self._declared:
            self._bind_outside(block, name, node, binding)
        for node, block in self._names:
            self.uses[node] = block.look_up(node.id), block

    def variable_of(self, name: ast.expr) -> Variable | None:
        """Return the variable of the logic that a name means, or None."""
        return self.uses[name][0] if isinstance(name, ast.Name) and name in self.uses else None

    def import_of(self, name: ast.expr) -> str | None:
        """Return the path in the facades that a name means, such as `math.sqrt`, or None."""
        variable = self.variable_of(name)
        return variable.path if variable is not None else None

    def is_offered(self, name: ast.expr) -> bool:
        """Return whether a name means an offered function or value, and not a variable of the logic."""
        return (
            isinstance(name, ast.Name)
            and name.id in OFFERED
            and name in self.uses
            and self.variable_of(name) is None
        )

    def bound_in(self, node: ast.AST) -> set[Variable]:
        """Return the variables that a loop or a `try` binds anywhere inside."""
        start, end = self._inside[node]
        return set(self._order[start:end])

    def variables(self) -> Iterator[Variable]:
        """Yield all variables of the tree."""
        for block in self.blocks.values():
            yield from block.variables.values()

    # Binding.

    def _bind(self, block: Block, name: str, node: ast.AST, binding: Binding) -> Variable | None:
        """Bind a name in a block. Return None if it belongs to an outer block, which may not have it yet."""
        if name in block.outer:
            self._declared.append((block, name, node, binding))
            return None
        variable = block.variables.setdefault(name, Variable(block, name))
        variable.binders.append((node, binding))
        if binding is not Binding.HANDLER:  # which unbinds it at its end
            self._order.append(variable)
        return variable

    def _bind_outside(self, block: Block, name: str, node: ast.AST, binding: Binding) -> None:
        variable = self._outside(block, name)
        if variable is None:
            home = self.top if isinstance(block.outer[name], ast.Global) else block
            variable = home.variables.setdefault(name, Variable(home, name))
        variable.binders.append((node, binding))
        variable.shared = True

    def _outside(self, block: Block, name: str) -> Variable | None:
        """Return the variable of an outer function that `nonlocal` declares; None if there is none."""
        assert block.parent is not None
        variable = block.parent.look_up(name) if isinstance(block.outer[name], ast.Nonlocal) else None
        return None if variable is None or variable.block is self.top else variable

    def _within(self, block: Block, *parts: ast.AST | list[ast.stmt]) -> None:
        outer, self._block = self._block, block
        for part in parts:
            for node in part if isinstance(part, list) else [part]:
                self.visit(node)
        self._block = outer

    # Blocks.

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Bind the name, and make a block of the body."""
        self._bind(self._block, node.name, node, Binding.FUNCTION)
        for part in (*node.decorator_list, *getattr(node, "type_params", ())):
            self.visit(part)
        self._function(node, node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Make a block of the body."""
        self._function(node, node.args, [ast.Expr(node.body)])

    def _function(self, node: ast.AST, arguments: ast.arguments, body: list[ast.stmt]) -> None:
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.visit(default)
        block = self.blocks[node] = Block(node, self._block)
        for parameter in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._bind(block, parameter.arg, parameter, Binding.PARAMETER)
        for extra in (arguments.vararg, arguments.kwarg):
            if extra is not None:
                self._bind(block, extra.arg, extra, Binding.PARAMETER)
        self._within(block, body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Bind the name, and make a block of the body; the policy refuses it."""
        self._bind(self._block, node.name, node, Binding.SET)
        parts = (*node.decorator_list, *node.bases, *node.keywords, *getattr(node, "type_params", ()))
        for part in parts:
            self.visit(part)
        block = self.blocks[node] = Block(node, self._block)
        self._within(block, node.body)

    def _comprehension(self, node: ast.AST, *made: ast.expr, generators: list[ast.comprehension]) -> None:
        first = generators[0]
        self.visit(first.iter)
        block = self.blocks[node] = Block(node, self._block)
        self._within(block, first.target, *first.ifs)
        for generator in generators[1:]:
            self._within(block, generator)
        self._within(block, *made)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        """Make a block; only the first source belongs to the block around it."""
        self._comprehension(node, node.elt, generators=node.generators)

    visit_SetComp = visit_ListComp
    visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Make a block; only the first source belongs to the block around it."""
        self._comprehension(node, node.key, node.value, generators=node.generators)

    # Names.

    def visit_Name(self, node: ast.Name) -> None:
        """Note the use, and bind the name if it is set or deleted."""
        self._use(node, self._block)

    def _use(self, node: ast.Name, block: Block) -> None:
        self._names.append((node, block))
        if isinstance(node.ctx, ast.Store):
            self._bind(block, node.id, node, Binding.SET)
        elif isinstance(node.ctx, ast.Del) and node.id not in block.outer:
            block.variables.setdefault(node.id, Variable(block, node.id))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Bind the name in the function around all comprehensions."""
        self.visit(node.value)
        self._use(node.target, next(block for block in self._block.around() if not block.is_comprehension))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Note the value before the dot."""
        self.before_dot.add(node.value)
        self.visit(node.value)

    def visit_Nonlocal(self, node: ast.Nonlocal | ast.Global) -> None:
        """Note the names, which belong to an outer block."""
        if self._block is not self.top:
            self._block.outer.update(dict.fromkeys(node.names, node))

    visit_Global = visit_Nonlocal

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Bind the name of the error."""
        if node.type is not None:
            self.visit(node.type)
        if node.name is not None:
            self._bind(self._block, node.name, node, Binding.HANDLER)
        self._within(self._block, node.body)

    def visit_Import(self, node: ast.Import) -> None:
        """Bind the imported names."""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._import(name, alias, alias.name if alias.name in (*MODULES, *TYPING) else None)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Bind the imported names."""
        for alias in node.names:
            offered = not node.level and (
                node.module in TYPING or alias.name in MODULES.get(node.module or "", ())
            )
            self._import(
                alias.asname or alias.name, alias, f"{node.module}.{alias.name}" if offered else None
            )

    def _import(self, name: str, alias: ast.alias, path: str | None) -> None:
        self.paths[alias] = path
        variable = self._bind(self._block, name, alias, Binding.IMPORT)
        if variable is not None:
            variable.path = path

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        """Bind the name of a pattern."""
        self.generic_visit(node)
        if node.name is not None:
            self._bind(self._block, node.name, node, Binding.SET)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """Bind the name after `**` of a pattern."""
        self.generic_visit(node)
        if node.rest is not None:
            self._bind(self._block, node.rest, node, Binding.SET)

    # Statements that repeat, or that end anywhere.

    def _repeated(self, node: ast.AST) -> None:
        start = len(self._order)
        self.generic_visit(node)
        self._inside[node] = start, len(self._order)

    visit_For = visit_AsyncFor = visit_While = visit_Try = visit_TryStar = _repeated
