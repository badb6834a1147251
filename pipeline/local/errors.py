"""The errors of local servers.

::

    LocalError
    ├── Unavailable      a source cannot provide the server; the next source is tried
    ├── NoServers        no source could provide it; says what was tried and what to install
    └── ServerFailed     a server did not start up, or ended by itself
"""

from pipeline.errors import IotLogicError


class LocalError(IotLogicError):
    """A local server could not be provided, or did not keep running."""


class Unavailable(LocalError):
    """A source cannot provide the server. The message says why, without a full stop."""


class NoServers(LocalError):
    """No source could provide a server. The message names each with its reason, and what to install."""


class ServerFailed(LocalError):
    """A local server did not start up, or ended by itself. The message has the end of its output."""
