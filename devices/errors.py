"""The errors of the devices.

::

    IotLogicError
    └── DeviceError
        ├── RecordingError   a recording cannot be read
        ├── AddressError     an address is invalid or not supported by the sender
        ├── Unreachable      the server does not answer, or refuses the connection
        └── ConnectionLost   the connection ended; the sender reconnects and sends again
"""

from pipeline.errors import IotLogicError


class DeviceError(IotLogicError):
    """The base class of the errors of the devices."""


class RecordingError(DeviceError):
    """A recording cannot be read. The message names the file and, if a line is at fault, that line."""


class AddressError(DeviceError):
    """An address is invalid, or the sender does not support it."""


class Unreachable(DeviceError):
    """The server does not answer, or it refuses the connection. The message says what to do."""


class ConnectionLost(DeviceError):
    """The connection to the broker or the API ended, or could not be made."""
