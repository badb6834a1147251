"""The errors of the sandbox.

::

    SandboxError
    ├── SandboxUnavailable    the child cannot be started, or cannot be confined as the settings require
    ├── LogicRefused          a logic does not pass the policy; carries all its problems
    ├── NotJson               a reading is not JSON
    │   └── TooLong           ... or has too many bytes
    ├── InvalidPayload        a reading is not valid in the format of its machine, which is not JSON
    └── LogicError            a logic failed on a reading; becomes an `Outcome`, never leaves `Sandbox.run`
        └── LimitExceeded     ... by exceeding a limit

    Breach (a BaseException)  a limit was exceeded inside a logic, which must not be able to catch it

The problems that refuse a logic at upload are not an exception but a list of `Problem`: all of them at once.
"""

from collections.abc import Sequence

from sandbox.job import Failure, Problem


class SandboxError(Exception):
    """The base class of all errors of the sandbox."""


class SandboxUnavailable(SandboxError):
    """The sandbox's child process cannot be started, or cannot be confined as the settings require."""


class LogicRefused(SandboxError):
    """A logic does not pass the policy of this version of the sandbox; `problems` has places and reasons."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"line {p.line}: {p.message}" for p in self.problems[:3]))


class NotJson(SandboxError):
    """The bytes of a reading are not a JSON value that the sandbox accepts."""


class TooLong(NotJson):
    """A reading has more bytes than the limit `reading_bytes`."""


class InvalidPayload(SandboxError):
    """The bytes of a reading are not valid in the format of its machine, or not compressed as they should."""


class LogicError(SandboxError):
    """A logic failed on a reading; `line` is the line of the logic, counted from 1, if it is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message = message
        self.line = line
        super().__init__(message)


class LimitExceeded(LogicError):
    """A logic exceeded a limit: `limit` names the field of `Limits`, and `allowed` is that field's value."""

    def __init__(self, message: str, limit: str, allowed: float, line: int | None = None) -> None:
        self.limit = limit
        self.allowed = allowed
        super().__init__(message, line)


class Breach(BaseException):
    """Raised inside a running logic that exceeds a limit.

    It is not an `Exception`, so `except Exception` in a logic cannot catch it. `Program.process` turns it
    into a `LimitExceeded` with the logic's line. A signal handler (the soft deadline) raises it too.
    `message` is for the author of the logic, and does not contain the line.
    """

    def __init__(self, limit: str, allowed: float, message: str) -> None:
        self.limit = limit
        self.allowed = allowed
        self.message = message
        super().__init__(message)

    @property
    def failure(self) -> Failure:
        """The failure to report for a reading on which this is all that is known."""
        return Failure(self.message, limit=self.limit, allowed=self.allowed)
