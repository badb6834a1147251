"""The parts of the plant that are down, and since when, so that the pages can say it at once.

`PlantWatch` looks at the plant every few seconds and notes here what it saw. So a request costs nothing, and
has an answer while Redis and RabbitMQ are away.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from msgspec import Struct

from pipeline.clock import milliseconds_now, rfc3339
from pipeline.model.alarm import Alarm
from pipeline.store.client import RedisError
from sandbox.job import Raised

Part = Literal["redis", "rabbitmq", "workers"]

#: The parts of the plant, each with its alarm. Without any of them, no readings are processed.
_ALARMS: Final[Mapping[Part, str]] = {"redis": "redis", "rabbitmq": "rabbitmq", "workers": "no-worker"}

#: Milliseconds for which a part must be down until it is shown: longer than between two looks. So one slow
#: answer is no outage.
_PATIENCE: Final = 1_500


class Outage(Struct, frozen=True):
    """A part of the plant that is down: `message` is the cause, and `since` when it began (RFC 3339, UTC)."""

    part: Part
    message: str
    since: str


class OutageList(Struct, frozen=True):
    """The parts of the plant that are down.

    `time` is the time of the answer, and `checked` when this API process last looked. While Redis is down,
    nothing is known about the workers, and `outages` does not name them.
    """

    time: str
    checked: str
    outages: list[Outage]


class OutageLog:
    """What is down. One thread notes it, and any thread may read it.

    `read_alarms` returns the open alarms of the plant: they know since when, also if this process has just
    started. It may raise `RedisError`.
    """

    def __init__(self, read_alarms: Callable[[], Mapping[str, Alarm]]) -> None:
        self._read_alarms = read_alarms
        self._since = dict[Part, int]()
        #: The parts that this process has seen at work. It knows itself since when one of them is down.
        self._worked = set[Part]()
        self._noted: tuple[int, list[Outage]] = milliseconds_now(), []

    def list(self) -> OutageList:
        """Return what is down."""
        checked, outages = self._noted
        return OutageList(rfc3339(milliseconds_now() / 1000), rfc3339(checked / 1000), outages)

    def note(self, seen: Mapping[str, Raised | None]) -> None:
        """Note what was seen, by the names of the alarms. A part that is missing is not known."""
        now = milliseconds_now()
        for part, name in _ALARMS.items():
            if name in seen and seen[name] is None:
                self._worked.add(part)
                self._since.pop(part, None)
            elif name in seen:
                self._since.setdefault(part, now)
        lasting = {
            part: raised.message
            for part, name in _ALARMS.items()
            if (raised := seen.get(name)) is not None and now - self._since[part] >= _PATIENCE
        }
        alarms = self._alarms() if lasting and "redis" not in lasting else {}
        for part in lasting:
            alarm = alarms.get(_ALARMS[part])
            if alarm is not None and alarm.active and part not in self._worked:
                self._since[part] = min(self._since[part], alarm.raised)
        self._noted = (
            now,
            [Outage(part, message, rfc3339(self._since[part] / 1000)) for part, message in lasting.items()],
        )

    def _alarms(self) -> Mapping[str, Alarm]:
        try:
            return self._read_alarms()
        except RedisError:  # the next look says so
            return {}
