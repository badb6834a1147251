"""The policy: which syntax a logic may use. It checks the syntax tree and reports all problems at once.

Strategy. The policy walks the tree with its own stack, never by recursion, and only after the size and depth
of the tree are known to be small. An allow list of node types comes first. Each check then handles one kind
of node, and reports the place and the code to write instead. No check changes the tree, and none relies on
another check: RestrictedPython's transformer visits every node again afterwards.
"""

import ast
from collections.abc import Mapping

from sandbox.check import hints
from sandbox.check.scope import Scope
from sandbox.check.source import Source
from sandbox.check.tables import Tables
from sandbox.check.wording import WordingRules
from sandbox.job import Problem
from sandbox.limits import Limits

#: The share of a nesting level that each further term of a sum, or each further elif, counts for.
CHAIN_SHARE = 0.125
#: The functions that the service calls, with their parameters. Only the first must be there.
ENTRY_POINTS = {"process": "data, state", "on_timer": "timer, state"}
#: The most problems to show; a source with more has enough to fix first.
MOST_PROBLEMS = 50

_STATEMENTS = (
    *(ast.FunctionDef, ast.Return, ast.Delete, ast.Assign, ast.AugAssign, ast.For, ast.While, ast.If),
    *(
        ast.Raise,
        ast.Try,
        ast.Assert,
        ast.Import,
        ast.ImportFrom,
        ast.Expr,
        ast.Pass,
        ast.Break,
        ast.Continue,
        ast.Match,
        ast.Nonlocal,
    ),
)
_EXPRESSIONS = (
    *(ast.BoolOp, ast.NamedExpr, ast.BinOp, ast.UnaryOp, ast.Lambda, ast.IfExp, ast.Dict, ast.Set),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Compare, ast.Call, ast.FormattedValue),
    *(ast.JoinedStr, ast.Constant, ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List, ast.Tuple),
    *(ast.Slice, ast.Yield, ast.YieldFrom),
)
_PARTS = (
    *(ast.Module, ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop, ast.comprehension),
    *(ast.ExceptHandler, ast.arguments, ast.arg, ast.keyword, ast.alias, ast.match_case, ast.pattern),
)
ALLOWED_NODES = (*_STATEMENTS, *_EXPRESSIONS, *_PARTS)
_NO_SIZE = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


def too_large(tree: ast.Module, limits: Limits, source: Source) -> Problem | None:
    """Return the problem of a tree that is too large or too deep, before any recursive step; else None."""
    count = 0
    place: ast.AST = tree
    ahead: list[tuple[ast.AST, float]] = [(tree, 0.0)]
    while ahead:
        node, depth = ahead.pop()
        if isinstance(node, _NO_SIZE):
            continue
        count += 1
        place = node if hasattr(node, "lineno") else place
        if count > limits.nodes:
            return source.problem(
                place,
                f"the logic is too large; the limit nodes is {limits.nodes:,}",
                "Move tables into state or into the reading, and repeated code into functions.",
            )
        if depth > limits.depth:
            return source.problem(
                place,
                f"the code is nested too deeply; the limit depth is {limits.depth} levels",
                "Split the expression into named parts, or move inner blocks into functions.",
            )
        for child in ast.iter_child_nodes(node):
            further = (isinstance(node, ast.BinOp) and child is node.left) or (
                isinstance(node, ast.If) and len(node.orelse) == 1 and child is node.orelse[0]
            )
            ahead.append((child, depth + (CHAIN_SHARE if further else 1)))
    return None


def judge(
    tree: ast.Module,
    scope: Scope,
    tables: Tables,
    limits: Limits,
    source: Source,
    aliases: Mapping[str, int],
) -> tuple[list[Problem], list[Problem]]:
    """Return everything in the tree that the policy does not allow, and the notes for its author."""
    policy = _Policy(tree, scope, limits, source, aliases)
    for fault in tables.faults():
        policy.report(*fault)
    for note in tables.notes():
        policy.note(*note)
    return policy.problems(), policy.notes


class _Policy(WordingRules):
    def problems(self) -> list[Problem]:
        self.top_level()
        self.variables()
        self.generators()
        ahead: list[ast.AST] = [self.tree]
        while ahead:
            node = ahead.pop()
            if not isinstance(node, ALLOWED_NODES):
                self.not_allowed(node)
            else:
                check = getattr(self, f"check_{type(node).__name__.lower()}", None)
                if check is not None:
                    check(node)
            ahead.extend(ast.iter_child_nodes(node))
        self.report_unknown()
        return sorted(self.found.values(), key=lambda problem: (problem.line, problem.column))[:MOST_PROBLEMS]

    def not_allowed(self, node: ast.AST) -> None:
        name = type(node).__name__
        message, hint = hints.NODES.get(name, (f"this ({name}) is not available", ""))
        if hasattr(node, "lineno"):
            self.report(node, message, hint)
        elif not isinstance(node, (ast.mod, ast.withitem)):
            self.report(self.tree.body[0], message, hint)

    # The top level.

    def top_level(self) -> None:
        made = dict[str, ast.FunctionDef]()
        for statement in self.tree.body:
            if isinstance(statement, ast.FunctionDef) and statement.name in ENTRY_POINTS:
                self.check_entry_point(statement)
                if statement.name in made:
                    self.report(statement, f"{statement.name} is defined twice", "Keep one definition.")
                made[statement.name] = statement
        if "on_timer" not in made:
            self.check_no_timer()
        if "process" not in made:
            line = self.tree.body[0] if self.tree.body else self.tree
            self.report(
                line,
                "there is no function process(data, state)",
                "Begin with `def process(data, state):`.",
            )
        ahead: list[ast.AST] = [*self.tree.body]
        while ahead:
            node = ahead.pop()
            if isinstance(node, ast.Return):
                self.report(node, "`return` outside of a function", "Set a variable instead.")
            elif isinstance(node, ast.Nonlocal):
                self.report(node, "`nonlocal` outside of a function", "Omit it at the top level.")
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del) and node.id in ENTRY_POINTS:
                self.report(node, f"{node.id} cannot be deleted", "Delete this line.")
            elif isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef):
                ahead.extend(ast.iter_child_nodes(node))

    def check_no_timer(self) -> None:
        """Refuse timers in a logic that has no function for them."""
        used = [
            name
            for name, (variable, _) in self.scope.uses.items()
            if name.id == "set_timer" and variable is None
        ]
        for name in used[:1]:
            self.report(
                name,
                "set_timer needs a function on_timer(timer, state)",
                "Add `def on_timer(timer, state):`. It runs when the timer is due.",
            )

    def check_entry_point(self, node: ast.FunctionDef) -> None:
        arguments = node.args
        places = [*arguments.posonlyargs, *arguments.args]
        extra = arguments.vararg or arguments.kwarg or arguments.kwonlyargs
        self.check_generator(node)
        if len(places) != 2 or extra:
            self.report(
                node,
                f"{node.name} must take exactly two parameters",
                f"Write `def {node.name}({ENTRY_POINTS[node.name]}):`.",
            )
