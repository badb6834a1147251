"""The errors of the devices.

::

    IotLogicError
    └── DeviceError
        ├── RecordingError   a recording cannot be read
        ├── AddressError     this sender cannot connect to such an address
        ├── Unreachable      the server does not answer, or refuses the connection
        └── ConnectionLost   the connection ended; the sender reconnects and sends again
"""

from pipeline.errors import IotLogicError


class DeviceError(IotLogicError):
    """The root of the errors of the devices."""


class RecordingError(DeviceError):
    """A recording cannot be read. The message names the file and, where one is at fault, the line."""


class AddressError(DeviceError):
    """An address is not one that this sender can connect to."""


class Unreachable(DeviceError):
    """Nothing answers at the address, or it refuses us; the message says what to do."""


class ConnectionLost(DeviceError):
    """The connection to the broker or the API ended, or could not be made."""
