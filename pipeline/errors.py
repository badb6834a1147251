"""The errors of the pipeline, and the root of all errors of this project outside the sandbox.

::

    IotLogicError
    ├── SettingsError        a setting is unknown or has an invalid value
    ├── TopologyError        the broker lacks a plugin, or a queue or exchange has other properties
    ├── PublishError         the broker did not confirm what was published
    ├── BrokerUnavailable    the broker is unavailable
    ├── RedriveStopped       not all of the dead letters could be sent again
    ├── BackupError          a file is not a backup, or cannot be restored here; or none can be written
    ├── ReadingUnfit         a reading of a trial or an example is not written as its format needs
    ├── SourceInvalid        a source or examples in Redis are missing, or do not match their digest
    ├── SourceRefused        a source of readings is invalid
    │   └── SourceConflict   it overlaps with another one, or cannot be created at this time
    ├── SourceChanged        somebody has changed a source of readings since the caller read it
    ├── RouteRefused         a route of notifications is invalid
    │   └── RouteConflict    it does not fit the other routes, or another route needs it
    ├── RouteChanged         somebody has changed a route of notifications since the caller read it
    ├── ScheduleRefused      a schedule is invalid
    ├── AboutRefused         the card of a machine is invalid
    ├── NoAlarm              there is no open alarm of this name
    ├── AlarmChanged         an alarm was raised again since the caller read it
    ├── SessionLost          this consumer no longer holds its partition; another one processes its batch
    ├── Busy                 the maximum number of requests is already running
    └── TokenError           a token cannot be created or found
"""


class IotLogicError(Exception):
    """The root of all errors of IoT Logic Processor."""


class SettingsError(IotLogicError):
    """A setting in the environment is unknown or has an invalid value."""


class TopologyError(IotLogicError):
    """The exchanges and queues cannot be declared on this broker. The message says what to do."""


class PublishError(IotLogicError):
    """The broker did not confirm a message: it refused or returned it, or the connection was lost."""


class BrokerUnavailable(IotLogicError):
    """The broker is unavailable: no connection could be made."""


class RedriveStopped(IotLogicError):
    """Some dead letters could not be sent again. None is lost, and sending them once more is safe."""

    def __init__(self, sent: int, reason: str) -> None:
        super().__init__(f"Sending stopped after {sent} dead letters: {reason}")
        self.sent, self.reason = sent, reason


class BackupError(IotLogicError):
    """A file is not a complete backup, or cannot be restored here; or no complete backup can be written.

    Nothing was changed.
    """


class ReadingUnfit(IotLogicError):
    """A reading or a time of a trial or an example is not written correctly. The message says how to."""


class SourceInvalid(IotLogicError):
    """A source or the examples of a version are missing from Redis, or do not match their digest."""


class SourceRefused(IotLogicError):
    """A source of readings is invalid. Nothing was changed."""


class SourceConflict(SourceRefused):
    """A source of readings can match the same topics as another one, or cannot be created at this time."""


class SourceChanged(IotLogicError):
    """Somebody has changed a source of readings since the caller read it. Nothing was changed."""


class RouteRefused(IotLogicError):
    """A route of notifications is invalid. Nothing was changed."""


class RouteConflict(RouteRefused):
    """A route of notifications does not fit the other routes, or another route needs it."""


class RouteChanged(IotLogicError):
    """Somebody has changed a route of notifications since the caller read it. Nothing was changed."""


class ScheduleRefused(IotLogicError):
    """A schedule is invalid. Nothing was changed."""


class AboutRefused(IotLogicError):
    """The card of a machine is invalid. Nothing was changed."""


class NoAlarm(IotLogicError):
    """There is no open alarm of this name."""


class AlarmChanged(IotLogicError):
    """An alarm was raised again since the caller read it. Nothing was changed."""


class SessionLost(IotLogicError):
    """This consumer no longer holds its partition: the broker has given the readings to another one."""


class Busy(IotLogicError):
    """The maximum number of requests is already running. Try again after `again` seconds."""

    def __init__(self, message: str, again: int) -> None:
        super().__init__(message)
        self.again = again


class TokenError(IotLogicError):
    """A token cannot be created or revoked: its name is taken, invalid or unknown. The message says which."""
