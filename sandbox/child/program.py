"""A compiled logic that can run on readings: `Program`.

Strategy. The code of a logic is one function that makes a new `process` for every reading. The logic's
globals are variables of that call, so only `state` survives a reading. A second function computes the tables,
which are the same for all readings of a version and cannot be changed. The code is checked once, when it is
loaded: it may use only names of the runtime, and must have no instruction that writes a global, imports, or
accesses an attribute other than the meter's fuel.
"""

import dis
import inspect
import marshal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from types import CodeType, FrameType, TracebackType
from typing import Any, Self

from sandbox.check.compiler import check
from sandbox.check.source import Source
from sandbox.errors import Breach, LimitExceeded, LogicError, LogicRefused
from sandbox.job import FILENAME, Checked, Failure, Logic, Problem, Raised
from sandbox.limits import Limits
from sandbox.runtime.meter import breach_of
from sandbox.runtime.runtime import Runtime
from sandbox.runtime.timers import Clock
from sandbox.runtime.values import NO_CONFIG, NO_META, Config, ReadingMeta

#: Characters of a message about a failure.
MESSAGE_CHARS = 500
#: Fuel for making the message of an error, after the logic has ended.
LAST_WORDS = 1_000
#: The most frames of the sandbox itself between a logic's functions.
OWN_FRAMES = 40
#: Instructions that no logic may have: imports, writing globals, making classes and the like; and sets of
#: Python itself, see `runtime.sets`.
_FORBIDDEN = frozenset(
    number
    for name, number in dis.opmap.items()
    if name.startswith(
        (
            *("IMPORT", "STORE_GLOBAL", "DELETE_GLOBAL", "DELETE_NAME", "LOAD_BUILD_CLASS"),
            *("GET_AWAITABLE", "LOAD_SUPER", "SETUP_ANNOTATIONS", "BEFORE_WITH"),
            *("BUILD_SET", "SET_ADD", "SET_UPDATE"),
        )
    )
)
#: Flags of code that makes a coroutine.
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE | inspect.CO_ASYNC_GENERATOR
_STORE_NAME = dis.opmap["STORE_NAME"]
_EXTENDED = dis.opmap["EXTENDED_ARG"]
#: Instructions that access an attribute, and the number of bits by which their argument shifts the name's
#: index.
_ATTRIBUTES = {
    dis.opmap[name]: 1 if name == "LOAD_ATTR" and sys.version_info >= (3, 12) else 0
    for name in ("LOAD_ATTR", "STORE_ATTR", "DELETE_ATTR", "LOAD_METHOD")
    if name in dis.opmap
}
_MODULE_NAMES = {"_make_", "_tables_"}


class HoldsFunctions(LogicRefused):
    """Values of the top level hold functions, so the code was compiled wrongly: see `examine`."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        super().__init__([_not_ours(f"{', '.join(sorted(self.names))} cannot be computed once")])


class Program:
    """One logic, ready to run. All programs of a process share a `Runtime`.

    Not thread-safe, because the meter is shared: only one thread of a process may run programs.
    """

    def __init__(self, logic: Logic, code: bytes, limits: Limits) -> None:
        self.logic = logic
        self.held_bytes = len(code)  # and those of the tables
        self._runtime = runtime = Runtime.of(limits)
        self._meter = runtime.meter
        self._limits = runtime.limits
        self._globals = runtime.globals
        made: dict[str, Any] = {}
        # Functions keep the runtime's globals; only the names `_make_` and `_tables_` go into `made`.
        exec(_code_of(code, runtime), runtime.globals, made)  # noqa: S102 - the purpose of this package
        if "_make_" not in made:
            raise LogicRefused([_not_ours("it defines no process")])
        self._make = made["_make_"]
        self._timers = runtime.timers
        self._alarms = runtime.alarms
        #: Computes the tables; None if there are none, or when they are computed.
        self._compute: Callable[[], tuple[Any, ...]] | None = made.get("_tables_")
        self._tables: tuple[Any, ...] = ()
        self.tables_fuel = 0

    @classmethod
    def load(cls, logic: Logic, limits: Limits) -> Self:
        """Return the program of a logic, from its code if it has one, else from its source.

        Raises:
            LogicRefused: the source does not pass the policy, or this version did not make the code.
        """
        code = logic.code
        if code is None:
            checked = examine(logic.source, limits)
            if checked.code is None:
                raise LogicRefused(checked.problems)
            code = checked.code
        return cls(Logic(logic.digest, logic.source), code, limits)

    def process(
        self,
        data: Any,
        state: dict[str, Any],
        config: Config = NO_CONFIG,
        *,
        meta: ReadingMeta = NO_META,
        fuel: int | None = None,
        clock: Clock | None = None,
        alarms: Set[str] | None = None,
    ) -> Any:
        """Run `process(data, state)` and return its result; `state` is changed in place.

        Decode `state` and `data` from JSON for each call, because the logic may store parts of one in the
        other. `config` is a result of `decode_config`, and `meta` of `decode_meta`. Without `fuel`, the logic
        has that of the limits. With a `clock`, it can set timers: see `timer_changes`. With `alarms`, the
        names of the active ones, it can raise and clear alarms: see `alarm_changes`.

        Raises:
            LogicError: the logic raised an error; `line` is the line of the logic that raised it.
            LimitExceeded: the logic exceeded a limit.
            MemoryError: the process has no memory left.
        """
        return self._call(self._process, config, meta, fuel, clock, alarms, data, state)

    def on_timer(
        self,
        timer: Mapping[str, Any],
        state: dict[str, Any],
        config: Config = NO_CONFIG,
        *,
        meta: ReadingMeta = NO_META,
        fuel: int | None = None,
        clock: Clock | None = None,
        alarms: Set[str] | None = None,
    ) -> Any:
        """Run `on_timer(timer, state)`. Everything else is as for `process`, also the errors."""
        return self._call(self._on_timer, config, meta, fuel, clock, alarms, timer, state)

    @property
    def timer_changes(self) -> dict[str, int | None]:
        """The timers that the last call has set, and those that it has cancelled (None)."""
        return self._timers.changes

    @property
    def alarm_changes(self) -> dict[str, Raised | None]:
        """The alarms that the last call has raised, and the active ones that it has cleared (None)."""
        return self._alarms.changes

    def _process(self, *tables: Any) -> Callable[..., Any]:
        made = self._make(*tables)
        return made[0] if type(made) is tuple else made  # type: ignore[no-any-return]

    def _on_timer(self, *tables: Any) -> Callable[..., Any]:
        made = self._make(*tables)
        if type(made) is not tuple:
            raise LogicError("the logic has no function on_timer(timer, state), but a timer is set")
        return made[1]  # type: ignore[no-any-return]

    def _call(
        self,
        make: Callable[..., Callable[..., Any]],
        config: Config,
        meta: ReadingMeta,
        fuel: int | None,
        clock: Clock | None,
        alarms: Set[str] | None,
        *values: Any,
    ) -> Any:
        """Call the function that `make` returns for the tables. Raises the errors of `process`."""
        if self._compute is not None:
            self.prepare()
        self._meter.tank = min(fuel or self._limits.fuel, max(self._limits.fuel, self._limits.fuel_max))
        self._timers.begin(clock)
        self._alarms.begin(alarms)
        return self._run(config, meta, make, *values)

    def prepare(self) -> None:
        """Compute the tables of the logic, if it has any, with the fuel of one reading.

        Raises:
            LogicRefused: the top level fails, or exceeds a limit.
            HoldsFunctions: some values hold functions, so they cannot be tables.
            LimitExceeded: it takes too long, so it can be tried again.
            MemoryError: the process has no memory left.
        """
        if self._compute is None:
            return
        freezer = self._runtime.freezer
        freezer.reset()
        self._timers.begin(None)
        self._alarms.begin(None)
        try:
            compute = self._compute
            self._meter.tank = self._limits.fuel
            self._tables = self._run(NO_CONFIG, NO_META, lambda: compute)
        except LogicError as error:
            if isinstance(error, LimitExceeded) and error.limit == "soft_seconds":
                raise
            raise LogicRefused([_at_top_level(error, self.logic.source)]) from None
        if freezer.functions:
            self._tables = ()
            raise HoldsFunctions(freezer.functions)
        self._compute = None
        self.tables_fuel = self.peaks["fuel"]
        self.held_bytes += freezer.size

    def _run(
        self, config: Config, meta: ReadingMeta, make: Callable[..., Callable[..., Any]], *values: Any
    ) -> Any:
        """Call the function that `make` returns for the tables, with full fuel.

        Raises the errors of `process`.
        """
        self._globals["config"] = config
        self._globals["meta"] = meta
        meter = self._meter
        meter.fuel = meter.tank
        meter.breach = None
        meter.longest_text = meter.longest_list = meter.chained = meter.generators = 0
        if meter.date_formats:
            meter.date_formats.clear()
        if meter.patterns:
            meter.patterns.clear()
        try:
            returned = make(*self._tables)(*values)
        except Breach as breach:
            raise _exceeded(meter.breach or breach, breach.__traceback__) from None
        except MemoryError:
            raise
        except RecursionError as error:
            first = meter.breach or breach_of(self._limits, "recursion")
            raise _exceeded(first, error.__traceback__) from None
        except Exception as error:  # noqa: BLE001 - any error of a logic is its failure
            if meter.breach is not None:
                raise _exceeded(meter.breach, error.__traceback__) from None
            said = error.message if isinstance(error, LogicError) else self._words(error)
            raise LogicError(said, _line_of(error.__traceback__)) from None
        if meter.breach is not None:
            raise _exceeded(meter.breach, None)
        return returned

    def _words(self, error: Exception) -> str:
        """Return the text of an error, which has fuel of its own.

        Raises `LimitExceeded` if the deadline passes meanwhile.
        """
        kind, meter = name_of(type(error)), self._meter
        fuel, meter.fuel = meter.fuel, LAST_WORDS
        try:
            self._runtime.texts.clean(error)
            said = self._runtime.texts.show(error)
            if isinstance(error, NameError):
                said = _without_value(error)
        except (Breach, RecursionError):
            said = "(too long to show)"
        breach, meter.fuel, meter.breach = meter.breach, fuel, None
        if breach is not None and breach.limit == "soft_seconds":
            raise _exceeded(breach, error.__traceback__)
        return f"{kind}: {said}"[:MESSAGE_CHARS] if said else kind

    @property
    def peaks(self) -> dict[str, int]:
        """The largest values of the last call, by name of the limit; `fuel` has the ticks that it used.

        Short texts and lists are not measured, and count as 0.
        """
        meter, most = self._meter, self._meter.tank
        fuel = most - meter.fuel if meter.fuel > 0 else most
        return {"fuel": fuel, "str_chars": meter.longest_text, "list_items": meter.longest_list}


def examine(source: str | bytes, limits: Limits) -> Checked:
    """Judge a source, compile it, and compute its tables once. Never raises an error of the source.

    If a value turns out to hold functions, it is no table, and the source is compiled again. That ends,
    because each time at least one more name of the source is known.
    """
    functions = frozenset[str]()
    while True:
        checked = check(source, limits, functions)
        if checked.code is None:
            return checked
        text = source.decode() if isinstance(source, bytes) else source
        began = time.process_time()
        program = Program(Logic("", text), checked.code, limits)
        try:
            program.prepare()
        except HoldsFunctions as held:
            functions |= held.names
            continue
        except LogicRefused as refused:
            return Checked(refused.problems, notes=checked.notes)
        if time.process_time() - began >= limits.soft_seconds:
            slow = LogicError(breach_of(limits, "soft_seconds").message)
            return Checked((_at_top_level(slow, text),), notes=checked.notes)
        return Checked(code=checked.code, notes=(*_fuel_note(program, limits), *checked.notes))


def _fuel_note(program: Program, limits: Limits) -> Iterator[Problem]:
    if program.tables_fuel:
        message = f"the top level takes {program.tables_fuel:,} of {limits.fuel:,} ticks of fuel"
        yield Problem(1, 1, "", message, "It runs once for each version, so readings do not pay for it.")


@contextmanager
def bounded_recursion(limits: Limits) -> Iterator[None]:
    """Limit the calls of a logic's functions to a depth of `limits.recursion`, for all readings run inside.

    Without it only the interpreter's own limit applies, which is higher.
    """
    frames = sys.getrecursionlimit()
    depth = 0
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        depth += 1
        frame = frame.f_back
    sys.setrecursionlimit(depth + limits.recursion + OWN_FRAMES)
    try:
        yield
    finally:
        sys.setrecursionlimit(frames)


@contextmanager
def less_recursion(frames: int) -> Iterator[None]:
    """Allow so many frames less for all that runs inside."""
    most = sys.getrecursionlimit()
    sys.setrecursionlimit(most - frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(most)


def failure_of(error: LogicError, source: str) -> Failure:
    """Return the failure to report for an error, with the line of the source."""
    text = Source(source).line(error.line).strip()[:200] if error.line else ""
    limit, allowed = (error.limit, error.allowed) if isinstance(error, LimitExceeded) else (None, None)
    message = "".join(c if c.isprintable() else " " for c in error.message[:MESSAGE_CHARS])
    message = message.encode("utf-8", "replace").decode("utf-8")
    return Failure(message, error.line, text, limit, allowed)


def _code_of(code: bytes, runtime: Runtime) -> CodeType:
    """Return the code object of compiled code. Raises `LogicRefused` if this version did not make it."""
    try:
        loaded = marshal.loads(code)  # noqa: S302 - made by `check`, and vouched for by the caller
    except (ValueError, EOFError, TypeError) as error:
        raise LogicRefused([_not_ours("it cannot be read")]) from error
    if not isinstance(loaded, CodeType):
        raise LogicRefused([_not_ours("it is not code")])
    vet(loaded, runtime)
    return loaded


def vet(code: CodeType, runtime: Runtime) -> None:
    """Check code before it runs: the last line of defence, in case the compiler missed something.

    Raises:
        LogicRefused: the code uses a name or an instruction that no logic of this version can have.
    """
    known = {*(name for name in runtime.globals if not name.startswith("__")), "fuel"}
    guards = {name for name in runtime.globals if name.startswith("_")}
    names = _MODULE_NAMES
    ahead = [code]
    while ahead:
        part = ahead.pop()
        if not names.issuperset(part.co_names) or part.co_filename != FILENAME:
            raise LogicRefused([_not_ours("it uses an unknown name")])
        if not guards.isdisjoint((*part.co_varnames, *part.co_cellvars, *part.co_freevars)):
            raise LogicRefused([_not_ours("a variable hides a guard")])
        if part.co_flags & _ASYNC:
            raise LogicRefused([_not_ours("it has a coroutine")])
        extended = 0
        instructions = part.co_code
        for number, low in zip(instructions[::2], instructions[1::2], strict=True):
            argument = low | extended
            extended = argument << 8 if number == _EXTENDED else 0
            if number in _FORBIDDEN or (number == _STORE_NAME and names is known):
                raise LogicRefused([_not_ours(f"it contains the instruction {dis.opname[number]}")])
            shift = _ATTRIBUTES.get(number)
            if shift is not None and part.co_names[argument >> shift] != "fuel":
                raise LogicRefused([_not_ours(f"it reads .{part.co_names[argument >> shift]}")])
        ahead.extend(constant for constant in part.co_consts if isinstance(constant, CodeType))
        names = known


def name_of(kind: type) -> str:
    """Return the name of a type of errors. Some modules call theirs only `error`."""
    return f"{kind.__module__}.{kind.__name__}" if kind.__name__.lower() == "error" else kind.__name__


def _without_value(error: NameError) -> str:
    """Return the text for a NameError. The policy accepts only variables that some line sets."""
    name = str(error).partition("'")[2].partition("'")[0]
    return f"`{name}` has no value yet, because no line that sets it has run. Set it before, in every case"


def _at_top_level(error: LogicError, source: str) -> Problem:
    """Return the problem of a logic whose tables cannot be computed."""
    return Source(source).at(
        error.line,
        1,
        f"the top level fails: {error.message}",
        "This code runs once for each version, before the first reading.",
    )


def _not_ours(why: str) -> Problem:
    return Problem(1, 1, "", f"the compiled code is not from this version: {why}", "Deploy the logic again.")


def _exceeded(breach: Breach, traceback: TracebackType | None) -> LimitExceeded:
    line = _line_of(traceback)
    message = breach.message if line is None else f"{breach.message} (line {line})"
    return LimitExceeded(message, breach.limit, breach.allowed, line)


def _line_of(traceback: TracebackType | None) -> int | None:
    """Return the line of the logic that raised an error: the innermost of the logic's own frames."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == FILENAME:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
