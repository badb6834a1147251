"""The errors of the pipeline, and the root of all errors of this project outside the sandbox.

::

    IotLogicError
    ├── SettingsError        a setting is unknown or has a value that it cannot have
    ├── TopologyError        the broker lacks a plugin, or has one of our names with other properties
    ├── PublishError         the broker did not confirm what was published
    ├── BrokerUnavailable    the broker cannot be asked
    ├── RedriveStopped       not all of the dead letters could be sent again
    ├── BackupError          a file is no backup, or cannot be put back here
    └── SessionLost          this consumer no longer holds its partition; another will do its batch
"""


class IotLogicError(Exception):
    """The root of all errors of IoT Logic Processor."""


class SettingsError(IotLogicError):
    """A setting in the environment is unknown, or has a value that it cannot have."""


class TopologyError(IotLogicError):
    """The broker cannot carry our exchanges and queues as it is; the message says what to do about it."""


class PublishError(IotLogicError):
    """The broker did not confirm a message: it refused or returned it, or the connection was lost."""


class BrokerUnavailable(IotLogicError):
    """The broker cannot be asked: there is no connection to be had."""


class RedriveStopped(IotLogicError):
    """Some dead letters could not be sent again. None is lost, and sending them once more is safe."""

    def __init__(self, sent: int, reason: str) -> None:
        super().__init__(f"{sent} dead letters were sent again, then it stopped: {reason}")
        self.sent, self.reason = sent, reason


class BackupError(IotLogicError):
    """A file is no backup, or not a whole one; or it cannot be put back here. Nothing was changed."""


class SessionLost(IotLogicError):
    """This consumer no longer holds its partition: the broker has given the readings to another one."""


class Busy(IotLogicError):
    """As much is done at once as may be; `again` is after how many seconds to try again."""

    def __init__(self, message: str, again: int) -> None:
        super().__init__(message)
        self.again = again


class TokenError(IotLogicError):
    """A token cannot be made as asked: its name is taken or is none. The message says which."""
