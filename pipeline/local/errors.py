"""What can go wrong with servers of our own.

::

    LocalError
    ├── Unavailable      a source has no such server to give; the next one is tried
    ├── NoServers        no source had one; says what was tried and what to install
    └── ServerFailed     a server was there but did not come up, or ended by itself
"""

from pipeline.errors import IotLogicError


class LocalError(IotLogicError):
    """Servers of our own could not be had or kept."""


class Unavailable(LocalError):
    """This source cannot give the server; the message says why, without a full stop."""


class NoServers(LocalError):
    """No source could give a server. The message names each with its reason, and what to install."""


class ServerFailed(LocalError):
    """A server of ours did not come up or ended by itself. The message has the end of what it printed."""
