"""The errors of the commands.

::

    IotLogicError
    └── CommandError        a command failed
        ├── Misused         the arguments or a file are invalid
        ├── ApiUnreachable  the API does not answer
        ├── Unclear         this version does not understand the answer of the API
        └── Refused         the API refused the request
"""

from collections.abc import Sequence
from typing import Any

from pipeline.errors import IotLogicError


class CommandError(IotLogicError):
    """A command cannot do its work. The message says what happened and what to do."""


class Misused(CommandError):
    """The arguments of a command are invalid, or a file that it reads is."""


class ApiUnreachable(CommandError):
    """The API does not answer, or the connection ended before the answer was complete."""


class Unclear(CommandError):
    """This version of the command does not understand the answer of the API."""


class Refused(CommandError):
    """The API refused a request. `errors` and `examples` are those of its problem details, unchanged."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[dict[str, Any]] = (),
        examples: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors, self.examples = list(errors), list(examples)
