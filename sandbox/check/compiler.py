"""Compiles a source to code: `check` reads, parses, judges, restricts and compiles it.

Strategy. Each step bounds the input of the next one: the length before the parser, the size and depth of the
tree before any recursive step, the policy before RestrictedPython, RestrictedPython and a prediction of the
size of the code before Python's own compiler. If a step raises any error, the source is refused: `check`
itself never raises. It still runs in the confined child, because parsers have bugs.
"""

import ast
import sys
import warnings
from types import CodeType

from RestrictedPython.compile import compile_restricted_exec

from sandbox.check import code_size, hints
from sandbox.check.policy import judge, too_large
from sandbox.check.prepare import prepare
from sandbox.check.scope import Scope
from sandbox.check.source import Source, read
from sandbox.check.tables import Tables
from sandbox.check.transformer import Metering
from sandbox.job import FILENAME, Checked, Problem
from sandbox.limits import Limits

#: Python frames that the recursive steps may need for a tree within the limits of nodes and depth.
FRAMES = 3_000


def check(source: str | bytes, limits: Limits, functions: frozenset[str] = frozenset()) -> Checked:
    """Judge a source and compile it.

    Return all problems found, or the code (a marshalled code object, only for this version of Python and of
    the sandbox). `functions` has the names at the top level whose values hold functions; see
    `tables`. Never raises.
    """
    text = Source("")
    frames = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(max(frames, FRAMES))
        text, problems = read(source, limits)
        if problems:
            return Checked(tuple(problems))
        with warnings.catch_warnings():
            # Python warns of possible mistakes ("is" with a literal); a warning does not refuse the source.
            warnings.simplefilter("ignore")
            return _checked(text, limits, functions)
    except SyntaxError as error:
        return Checked((_syntax_problem(error, text),))
    except RecursionError:
        return _refused(text, "the logic is nested too deeply", "Split long expressions into named parts.")
    except MemoryError:
        return _refused(text, "the logic is too complex to parse", "Split long expressions.")
    except Exception as error:  # noqa: BLE001 - any error that the source causes refuses it
        return _refused(text, f"the logic cannot be compiled ({type(error).__name__})", "")
    finally:
        sys.setrecursionlimit(frames)


def _refused(source: Source, message: str, hint: str) -> Checked:
    return Checked((source.at(1, 1, message, hint),))


def _checked(source: Source, limits: Limits, functions: frozenset[str]) -> Checked:
    tree = ast.parse(source.text, FILENAME, "exec")
    large = too_large(tree, limits, source)
    if large is not None:
        return Checked((large,))
    removed = prepare(tree, source)
    names = Scope(tree)
    top = Tables(tree, names, functions)
    problems, found = judge(tree, names, top, limits, source, removed.aliases)
    notes = tuple(sorted((*removed.notes, *found), key=lambda note: (note.line, note.column)))
    if problems:
        return Checked(tuple(problems), notes=notes)
    if copied := code_size.predict(tree, limits, source):
        return Checked((copied,), notes=notes)

    class Restricting(Metering):
        scope = names
        tables = top

    result = compile_restricted_exec(tree, FILENAME, policy=Restricting)
    if result.errors or result.code is None:
        return Checked(
            tuple(_restricted_problem(error, source) for error in result.errors) or (_nothing(source),)
        )
    code = code_size.measure(_named(result.code), limits, source)
    return Checked((code,), notes=notes) if isinstance(code, Problem) else Checked(code=code, notes=notes)


def _named(code: CodeType) -> CodeType:
    """Return code whose functions have plain names, without their place. Python's messages name them."""
    constants = [_named(part) if isinstance(part, CodeType) else part for part in code.co_consts]
    return code.replace(co_qualname=code.co_name, co_consts=tuple(constants))


def _nothing(source: Source) -> Problem:
    return source.at(1, 1, "the logic compiles to no code", "")


def _syntax_problem(error: SyntaxError, source: Source) -> Problem:
    message = error.msg or "this is not Python"
    return source.at(
        error.lineno,
        error.offset,
        f"syntax error: {message}",
        hints.for_syntax(message, source.line(error.lineno)),
    )


def _restricted_problem(error: str, source: Source) -> Problem:
    """Make a `Problem` of an error of RestrictedPython, which has the form `Line 3: message`."""
    place, _, message = error.partition(": ")
    digits = place.removeprefix("Line ")
    return source.at(int(digits) if digits.isdigit() else 1, 1, message or error)
