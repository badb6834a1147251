"""The settings of a machine: how its readings are taken, and what happens without a reading."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta, Struct

from pipeline.model.duplicates import DuplicateRule
from pipeline.model.late import LateRule
from pipeline.model.schedule import Schedule
from sandbox.job import Compression, Format, Job, Logic, Repeat, TimerRun

#: Turns off the rule of the profile.
Off: TypeAlias = Literal["off"]

#: The longest time after which a machine can be silent, in seconds: a year.
LONGEST_SILENCE: Final = 366 * 24 * 3600

#: The descriptions of the rules.
DUPLICATES_MEANING: Final = Meta(
    description="How readings are recognised that the device sends again; they are counted and not "
    "run. Without it, or if it is off, each message is a reading of its own. off also turns off the "
    "rule of the profile."
)
LATE_MEANING: Final = Meta(
    description="Which readings are late, by their own time, and what happens to them. Only for "
    "readings in JSON. Without it, or if it is off, readings are run as they arrive."
)
SCHEDULES_MEANING: Final = Meta(
    description="When on_timer of the logic is called, without a reading. A list replaces that of the "
    "profile or source. off or an empty list means no schedules."
)


class MachineSettings(Struct, frozen=True, omit_defaults=True):
    """The settings of a machine, a profile or a source.

    Those of the machine come first, then those of its profile, then those of its source. By default,
    readings are JSON and not compressed, and have the fuel of the installation, there are no schedules, and
    the installation says when a machine is silent.
    """

    format: Annotated[
        Format | None,
        Meta(
            description="What `data` is: json: the value; text: a text in UTF-8; binary: the bytes; cbor and "
            "msgpack: the value in CBOR or MessagePack, which may contain bytes and times."
        ),
    ] = None
    compression: Annotated[
        Compression | None, Meta(description="How the readings are compressed, in any format.")
    ] = None
    fuel: Annotated[
        Annotated[int, Meta(ge=100)] | None,
        Meta(
            description="The fuel of a reading in ticks, at most IOT_LOGIC_LIMIT_FUEL_MAX. The time limit of "
            "a reading is the same for all machines."
        ),
    ] = None
    duplicates: Annotated[DuplicateRule | Off | None, DUPLICATES_MEANING] = None
    late: Annotated[LateRule | Off | None, LATE_MEANING] = None
    schedules: Annotated[tuple[Schedule, ...] | Off | None, SCHEDULES_MEANING] = None
    silent_after_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=LONGEST_SILENCE)] | None,
        Meta(
            description="Seconds without a reading after which the machine is silent. The default is "
            "IOT_LOGIC_SILENT_AFTER."
        ),
    ] = None

    @property
    def is_plain_json(self) -> bool:
        """Whether readings are JSON and not compressed."""
        return self.format in (None, "json") and self.compression in (None, "none")

    @property
    def is_plain_text(self) -> bool:
        """Whether readings are texts and not compressed."""
        return self.format == "text" and self.compression in (None, "none")

    @property
    def duplicate_rule(self) -> DuplicateRule | None:
        """How duplicates are recognised, if they are."""
        return None if self.duplicates == "off" else self.duplicates

    @property
    def late_rule(self) -> LateRule | None:
        """Which readings are late, if any can be."""
        return self.late if self.is_plain_json and self.late != "off" else None

    @property
    def scheduled(self) -> tuple[Schedule, ...]:
        """The schedules, if there are any."""
        return () if self.schedules is None or self.schedules == "off" else self.schedules

    def over(self, others: "MachineSettings") -> "MachineSettings":
        """Return these settings, and for what they do not set, the others."""
        return MachineSettings(
            format=self.format or others.format,
            compression=self.compression or others.compression,
            fuel=self.fuel or others.fuel,
            duplicates=self.duplicates or others.duplicates,
            late=self.late or others.late,
            # An empty list is a setting: no schedules.
            schedules=others.schedules if self.schedules is None else self.schedules,
            silent_after_seconds=self.silent_after_seconds or others.silent_after_seconds,
        )


#: The settings of a machine that sets nothing.
NO_SETTINGS = MachineSettings()


class ReadingMeta(Struct, frozen=True, forbid_unknown_fields=True):
    """What a logic reads as `meta`: what is known about the reading.

    `topic` is its MQTT topic, and `late` whether it is late. `received` is when the system received it
    (RFC 3339, UTC), and `number` its running number on the machine. `message_id` is the one of AMQP, if the
    device sent one.
    """

    topic: Annotated[str, Meta(max_length=255)] | None = None
    late: bool = False
    received: Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})] | None = None
    number: Annotated[int, Meta(ge=1)] | None = None
    message_id: Annotated[str, Meta(max_length=255)] | None = None


_encode = msgspec.json.Encoder().encode


def reads_meta(source: str) -> bool:
    """Return whether a logic may read `meta`.

    A comment or a text with this word counts as well, and so do other letters: Python takes some of them for
    the letters of ASCII in a name.
    """
    return "meta" in source or not source.isascii()


class RunTimes(NamedTuple):
    """When readings were received, when timers are due, and until when they may run after the readings.

    All times are in milliseconds since 1970. With `exact`, timers run exactly when they are due. `repeats`
    are the schedules (`pipeline.model.schedule`).
    """

    times: Sequence[int] = ()
    timers: Mapping[str, int] = {}
    until: int | None = None
    exact: bool = False
    repeats: Mapping[str, Repeat] = {}


#: The times for a logic that sets no timers.
NO_TIMES: Final = RunTimes()


def job_of(
    logic: Logic,
    state: bytes,
    readings: Sequence[bytes | TimerRun],
    config: bytes,
    settings: MachineSettings,
    metas: Sequence[ReadingMeta] = (),
    times: RunTimes = NO_TIMES,
    alarms: frozenset[str] = frozenset(),
) -> Job:
    """Return the job of the sandbox for readings of a machine with these settings.

    `metas` has one value for each reading, or is empty if the logic does not read `meta`. `alarms` are the
    names of the active alarms.
    """
    return Job(
        logic,
        state,
        readings,
        config,
        format=settings.format or "json",
        compression=settings.compression or "none",
        fuel=settings.fuel,
        metas=[_encode(meta) for meta in metas],
        times=times.times,
        timers=dict(times.timers),
        until=times.until,
        exact=times.exact,
        repeats=times.repeats,
        alarms=alarms,
    )
