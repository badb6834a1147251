"""The routes that check and try a logic without any effect: nothing is stored, sent or changed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.clock import milliseconds_now, rfc3339
from pipeline.errors import ReadingUnfit
from pipeline.model.deployment import Active
from pipeline.model.machine_settings import MachineSettings, ReadingMeta
from pipeline.model.new_settings import NewSchedule
from pipeline.model.recent import KeptReading
from pipeline.model.schedule import SCHEDULES, check, own_timers
from pipeline.trials.examples import EXAMPLES, MISMATCHES, Example, Mismatch, encoded, try_examples
from pipeline.trials.runner import READINGS, Case, CaseResult, TrialResult, Trials, Wait
from pipeline.trials.times import LONGEST, start_of, time_of
from pipeline.trials.trial import Tried
from pipeline.trials.written import sent_reading
from pipeline.wire import data_topic
from sandbox.job import TIMER_NAME_PATTERN, TIMERS, Format, Problem
from sandbox.limits import Limits
from web.access.admission import SandboxUse
from web.access.roles import Role, access
from web.http.problems import checked_id, unknown_machine
from web.routes.configs import encoded_config
from web.routes.states import encoded_state
from web.services import Services

_Logic = Annotated[str, Meta(description="Python source with one function `process(data, state)`.")]
_Readings = Annotated[
    list[Any], Meta(max_length=READINGS, description="JSON values, in the order to process them.")
]
_Timers = Annotated[
    dict[
        Annotated[str, Meta(pattern=f"^{TIMER_NAME_PATTERN}$")],
        Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})],
    ],
    Meta(
        max_length=TIMERS, description="The timers that are set before the first reading: when each is due."
    ),
]
_Wait = Annotated[
    float,
    Meta(
        ge=0,
        le=LONGEST,
        description="Seconds that pass after the last reading. Timers and schedules that become due "
        "meanwhile run.",
    ),
]
_Schedules = Annotated[
    Annotated[tuple[NewSchedule, ...], Meta(extra_json_schema={"maxItems": SCHEDULES})],
    Meta(description="The schedules that run, as in the settings of a machine or profile."),
]
_Received = Annotated[
    list[Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})] | None],
    Meta(
        max_length=READINGS,
        description="When each reading was received (RFC 3339), in place of `received` in `meta`. null: at "
        "the time of the reading before it, or now.",
    ),
]


class LogicSource(Struct):
    """A logic to check, with its examples."""

    logic: _Logic
    examples: Annotated[list[Example], Meta(max_length=EXAMPLES)] = []


class CheckResult(Struct):
    """Whether an upload of the logic would be accepted.

    `errors` lists the problems of the logic, `examples` the examples that fail. The examples are run only if
    the logic has no problems. `notes` are for the author, and do not refuse the logic.
    """

    accepted: bool
    errors: tuple[Problem, ...]
    examples: list[Mismatch]
    notes: tuple[Problem, ...]


class TrialOrder(Struct):
    """A logic to try on readings, with a state and a config.

    `format` is the format of the readings. In JSON, a reading is any value; as a text, it is a text; in any
    other format, it is a text with its bytes in hex, such as "01 67 00 fa". `meta` is what the logic reads as
    `meta` with each reading.
    """

    logic: _Logic
    readings: _Readings
    state: dict[str, Any] = {}
    config: dict[str, Any] = {}
    format: Format = "json"
    meta: ReadingMeta = ReadingMeta()
    received: _Received | None = None
    timers: _Timers = {}
    schedules: _Schedules = ()
    wait: _Wait = 0


class MachineTrialOrder(Struct):
    """A logic to try on a machine.

    Each field that you omit is the machine's own: its deployed logic or its profile's, its recent readings,
    its state, its config over its profile's, its timers. Its settings apply, and its schedules run. If they
    say another format than JSON, write the readings as a trial of a logic does. If you give readings and no
    `meta`, their topic is that of its last reading. If you give a state and no timers, no timer is set.
    """

    logic: _Logic | None = None
    readings: _Readings | None = None
    state: dict[str, Any] | None = None
    config: dict[str, Any] | None = None
    meta: ReadingMeta | None = None
    received: _Received | None = None
    timers: _Timers | None = None
    wait: _Wait = 0


class TrialReport(Struct, kw_only=True):
    """The report of a trial.

    `errors` lists the problems of the logic, `notes` has remarks for its author. `readings` has an entry for
    each reading, timer and schedule that was run, in order. `not_run` is the number of readings that
    were not run, and `stopped` says why, or why the time did not pass: the logic was refused, the trial took
    too long, its output was too large, too many timers ran, or a machine would be in quarantine.
    `timers_after` has the timers that are still set, each with the time at which it is due (RFC 3339, UTC).
    """

    accepted: bool
    errors: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    readings: list[Tried]
    not_run: int
    stopped: str | None
    timers_after: dict[str, str]


class MachineTrialReport(TrialReport, kw_only=True):
    """The report of a trial on a machine.

    `logicversion` is the deployed version if that was tried; `profile` is its profile, null if the logic is
    the machine's own. `state`, `config` and `timers` are the ones that the trial started with. Send them with
    the same readings to try another logic under the same conditions. `left_out` is the number of recent
    readings that cannot be tried because they are too long to be stored whole.
    """

    machine: str
    profile: str | None
    logicversion: int | None
    state: msgspec.Raw
    config: msgspec.Raw
    timers: dict[str, str]
    left_out: int


class TrialsController(Controller):
    """`/logic/validate`, `/logic/test` and `/machines/<id>/logic/test`."""

    @post("/logic/validate", status_code=200, **access(Role.AUTHOR, 413, 422, changes=False))
    async def post_validate(
        self,
        services: NamedDependency[Services],
        trials: NamedDependency[SandboxUse[Trials]],
        data: JSONBody[LogicSource],
    ) -> CheckResult:
        """Check a logic and run its examples, as an upload does, without deploying it."""

        async def work(tool: Trials) -> CheckResult:
            encoded(data.examples)
            checked = await tool.check(data.logic)
            wrong = list[Mismatch]()
            if checked.accepted:
                limits = services.settings.limits
                wrong = await try_examples(tool, data.logic, checked, data.examples, limits)
            accepted = checked.accepted and not wrong
            return CheckResult(accepted, checked.problems, wrong[:MISMATCHES], checked.notes)

        return await trials.run(work)

    @post("/logic/test", status_code=200, **access(Role.AUTHOR, 413, 422, changes=False))
    async def post_test(
        self,
        services: NamedDependency[Services],
        trials: NamedDependency[SandboxUse[Trials]],
        data: JSONBody[TrialOrder],
    ) -> TrialReport:
        """Run a logic on readings and a state, under the same limits as on a worker, without any effect."""
        limits = services.settings.limits

        def case() -> Case:
            check(data.schedules)
            settings = MachineSettings(format=data.format, schedules=data.schedules)
            readings = [sent_reading(reading, settings) for reading in data.readings]
            metas = _received([data.meta] * len(readings), data.received)
            return Case(
                encoded_state(data.state, limits),
                _steps(readings, data.wait),
                encoded_config(data.config, limits),
                settings,
                metas,
                start_of(metas or [data.meta], milliseconds_now()),
                _timers(data.timers, limits),
            )

        async def work(tool: Trials) -> TrialReport:
            given = await trials.call(case)
            return TrialReport(**_shown(given, await tool.run(data.logic, [given])))

        return await trials.run(work)

    @post(
        "/machines/{machine_id:str}/logic/test",
        status_code=200,
        **access(Role.AUTHOR, 404, 413, 422, 500, changes=False),
    )
    async def post_machine_test(
        self,
        services: NamedDependency[Services],
        trials: NamedDependency[SandboxUse[Trials]],
        machine_id: FromPath[str],
        data: JSONBody[MachineTrialOrder],
    ) -> MachineTrialReport:
        """Run a logic on a machine's state and its recent readings, under the same limits as on a worker.

        It has no effect on the machine. The state already includes the recent readings, so counters continue
        from it. To start from the beginning, send the state `{}` or another one. Then no timer is set.
        """

        async def work(tool: Trials) -> MachineTrialReport:
            order = await trials.call(lambda: _order(services, checked_id(machine_id), data))
            return MachineTrialReport(
                machine=machine_id,
                profile=order.active.profile if order.active else None,
                logicversion=order.active.version if order.active else None,
                state=msgspec.Raw(order.case.state),
                config=msgspec.Raw(order.case.config),
                timers=_times(order.case.timers),
                left_out=order.left_out,
                **_shown(order.case, await tool.run(order.logic, [order.case])),
            )

        return await trials.run(work)


class _Order(NamedTuple):
    """A trial on a machine: the logic, which is `active` if it is the deployed one, and its input."""

    logic: str
    active: Active | None
    case: Case
    left_out: int


def _order(services: Services, machine_id: str, data: MachineTrialOrder) -> _Order:
    """Complete a trial on a machine with the stored data of the machine. Raises the error to answer with."""
    stored = services.machines.read(machine_id)
    limits = services.settings.limits
    logic, active = data.logic, None
    if logic is None:
        if (active := stored.active) is None:
            raise unknown_machine(machine_id, "deployed logic. Send the `logic` to try")
        logic = services.logics.source(active.digest)
    state, config = stored.record.state, stored.config
    if data.state is not None:
        state = encoded_state(data.state, limits)
    if data.config is not None:
        config = encoded_config(data.config, limits)
    settings = services.topic_sources.settings_of(stored)
    recents = [each for each in services.recents.read(machine_id, READINGS) if each.timer is None]
    metas = [_meta_of(machine_id, recent) for recent in recents if recent.whole]
    if data.readings is not None:
        readings, left_out = [sent_reading(reading, settings) for reading in data.readings], 0
        topic = recents[-1].topic if recents else None
        metas = [ReadingMeta(topic or data_topic(machine_id))] * len(readings)
    else:
        readings = [recent.reading for recent in recents if recent.whole]
        left_out = len(recents) - len(readings)
    if data.meta is not None:
        metas = [data.meta] * len(readings)
    metas = _received(metas, data.received)
    timers: Mapping[str, int] = own_timers(stored.record.timers) if data.state is None else {}
    if data.timers is not None:
        timers = _timers(data.timers, limits)
    start = start_of(metas, milliseconds_now())
    case = Case(state, _steps(readings, data.wait), config, settings, metas, start, timers)
    return _Order(logic, active, case, left_out)


def _meta_of(machine_id: str, recent: KeptReading) -> ReadingMeta:
    """Return the meta with which a kept reading was run, as far as it is kept."""
    received = None if recent.received is None else rfc3339(recent.received / 1000)
    return ReadingMeta(recent.topic or data_topic(machine_id), received=received, number=recent.number)


def _steps(readings: Sequence[bytes], wait: float) -> list[bytes | Wait]:
    """Return the steps of a trial on these readings, after which so many seconds pass."""
    return [*readings, Wait(round(1000 * wait))] if wait else [*readings]


def _received(metas: Sequence[ReadingMeta], received: Sequence[str | None] | None) -> list[ReadingMeta]:
    """Return the metas of readings that were received at these times. Raises `ReadingUnfit`."""
    if received is None:
        return [*metas]
    if len(received) != len(metas):
        raise ReadingUnfit(
            f"`received` has {len(received)} times for {len(metas)} readings; give one for each"
        )
    for place, time in enumerate(received):
        if time is not None:
            time_of(time, f"received[{place}]")
    return [replace(meta, received=time) for meta, time in zip(metas, received, strict=True)]


def _timers(given: Mapping[str, str], limits: Limits) -> dict[str, int]:
    """Return when timers are due, in milliseconds since 1970. Raises `ReadingUnfit`."""
    if len(given) > limits.timers:
        raise ReadingUnfit(f"`timers` has {len(given)} timers; a machine can have {limits.timers}")
    return {name: time_of(due, f"timers.{name}") for name, due in given.items()}


def _times(timers: Mapping[str, int]) -> dict[str, str]:
    """Return when timers are due, as text."""
    return {name: rfc3339(due / 1000) for name, due in timers.items()}


def _shown(case: Case, ran: TrialResult) -> dict[str, Any]:
    """Return the fields of a report."""
    result = ran.cases[0] if ran.cases else CaseResult(case.timers)
    tried = result.tried
    readings = sum(not isinstance(step, Wait) for step in case.steps)
    return {
        "accepted": not ran.problems,
        "errors": ran.problems,
        "notes": ran.notes,
        "readings": tried,
        "not_run": readings - sum(each.timer is None for each in tried),
        "stopped": ran.stopped,
        "timers_after": _times(result.timers),
    }
