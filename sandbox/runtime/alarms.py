"""Alarms: `raise_alarm` and `clear_alarm`.

What a logic raises and clears counts only if the whole reading succeeds, as for its state: the changes are
collected in `AlarmCalls.changes`, and the runner sends them with the outcome. Of several calls with one name,
the last one counts.
"""

import re
from collections.abc import Callable, Set
from typing import Any, Final, get_args

from sandbox.errors import LimitExceeded, LogicError
from sandbox.job import ALARM_MESSAGE_CHARS, ALARM_NAME_PATTERN, Raised, Severity
from sandbox.runtime.meter import CONTAINERS, Meter
from sandbox.runtime.values import encode_alarm

_NAME: Final = re.compile(ALARM_NAME_PATTERN)
_SEVERITIES: Final = get_args(Severity)

#: The ticks of one call, and the bytes of an alarm that cost another one.
_TICKS: Final = 12
_TICK_BYTES: Final = 8


class AlarmCalls:
    """The alarms of the machine whose reading runs, as the logic changes them."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._active: Set[str] | None = None
        #: What the logic has raised, and the active alarms that it has cleared (None), since `begin`.
        self.changes: dict[str, Raised | None] = {}

    def begin(self, active: Set[str] | None) -> None:
        """Begin a reading, with the names of the active alarms. With None, the logic can raise no alarm."""
        self._active = active
        self.changes = {}

    def functions(self) -> dict[str, Callable[..., None]]:
        """Return the functions of a logic."""

        def raise_alarm(name: Any, /, severity: Any = "warning", message: Any = "", **details: Any) -> None:
            self._raise(name, severity, message, details)

        def clear_alarm(name: Any) -> None:
            self._clear(name)

        return {"raise_alarm": raise_alarm, "clear_alarm": clear_alarm}

    def _raise(self, name: Any, severity: Any, message: Any, details: dict[str, Any]) -> None:
        active = self._begun(name)
        if type(severity) is not str or severity not in _SEVERITIES:
            raise ValueError(f"the severity of an alarm is one of {', '.join(_SEVERITIES)}")
        if type(message) is not str:
            raise TypeError("the message of an alarm must be a text")
        if len(message) > ALARM_MESSAGE_CHARS:
            raise ValueError(f"the message of an alarm has at most {ALARM_MESSAGE_CHARS} characters")
        self.changes[name] = Raised(severity, message, self._encoded(message, details))  # type: ignore[arg-type]
        if name not in active and len(active) + len(self.changes) > self._meter.limits.alarms:
            kept = active | {each for each, raised in self.changes.items() if raised is not None}
            kept -= {each for each, raised in self.changes.items() if raised is None}
            if len(kept) > self._meter.limits.alarms:
                self._meter.exceed("alarms")

    def _clear(self, name: Any) -> None:
        if name in self._begun(name):
            self.changes[name] = None
        else:
            self.changes.pop(name, None)

    def _begun(self, name: Any) -> Set[str]:
        """Check the name of an alarm, and return the active ones."""
        self._meter.spend(_TICKS)
        if self._active is None:
            raise RuntimeError("alarms can be raised only while process or on_timer runs")
        if type(name) is not str:
            raise TypeError("the name of an alarm must be a text")
        if not _NAME.fullmatch(name):
            raise ValueError("the name of an alarm has 1 to 64 letters, digits, underscores or hyphens")
        return self._active

    def _encoded(self, message: str, details: dict[str, Any]) -> bytes:
        self._meter.spend(len(details))
        if any(type(value) in CONTAINERS for value in details.values()):
            # As much as is looked at before the limit is exceeded, or another mistake is found.
            self._meter.spend(self._meter.limits.alarm_bytes // _TICK_BYTES)
        try:
            encoded = encode_alarm(message, details, self._meter.limits)
        except LimitExceeded as e:
            self._meter.exceed(e.limit)
        except LogicError as e:
            raise ValueError(e.message) from None
        self._meter.spend(len(encoded) // _TICK_BYTES)
        return encoded
