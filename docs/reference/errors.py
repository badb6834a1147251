"""The tables of what can go wrong: kinds of dead letters, statuses of the API and of commands, errors."""

from collections.abc import Iterator
from typing import Final

from docs.reference.markdown import code, table
from pipeline.errors import IotLogicError
from pipeline.model.dead_letter import KINDS
from sandbox.errors import SandboxError
from web import errors as _web_errors
from web.cli import commands
from web.http.problems import MEANINGS

#: What each kind of dead letter means, and what to do.
_KINDS: Final = {
    "not-json": ("The reading is not JSON.", "Mend the device. Sent again it fails again."),
    "error": (
        "`process` raised an error, or returned or left in `state` what it may not.",
        "Mend the logic at the line that the letter names, then send it again.",
    ),
    "limit": (
        "A limit was exceeded; the letter names it.",
        "Have the logic do less, or raise the limit, then send it again.",
    ),
    "refused": (
        "The logic in force does not pass the policy of this version of the program.",
        "Upload a logic that does, then send it again.",
    ),
    "quarantined": (
        "The logic had to be stopped so often that it is not run on this machine any more.",
        "Upload another logic or lift the quarantine, then send it again.",
    ),
    "no-logic": ("The machine has no logic in force.", "Upload one, then send it again."),
    "paused": ("The machine is paused.", 'Resume it, with `{"redrive": true}` to send these again.'),
    "machine-id": (
        "The routing key names no machine: it is no `machines.<id>.data` with an id that can be.",
        "Mend the device's topic. It belongs to no machine, so it can only be discarded.",
    ),
    "expired": (
        "The reading expired in RabbitMQ before a worker took it. It was never run, so it has no number.",
        "Send it again if it still matters. Set a longer expiry on the device, or start more workers.",
    ),
    "unknown": ("No worker of this version has written it.", "Look at its headers."),
}

#: What each exit status of `iot-logic` means.
_EXIT_STATUSES: Final = {
    commands.OK: "all is well",
    commands.WRONG: "something is not: a logic is refused, an example or a reading failed, somebody was "
    "faster, there are differences, the plant is not well",
    commands.UNABLE: "it could not be done: used wrongly, the API does not answer, the token is not enough",
    commands.STOPPED: "Ctrl-C, or whoever read the output went away",
}


def kinds() -> str:
    """Why readings become dead letters. Raises `KeyError` for a kind that nobody has described."""
    return table("kind | what happened | what to do", ([code(kind), *_KINDS[kind]] for kind in KINDS))


def statuses() -> str:
    """The statuses of the API's problems."""
    return table("status | what it says", ([code(status), text] for status, text in MEANINGS.items()))


def exit_statuses() -> str:
    """The exit statuses of `iot-logic`."""
    return table("status | what it says", ([code(status), text] for status, text in _EXIT_STATUSES.items()))


def errors() -> str:
    """The errors of the program by name, as they stand in logs."""
    assert _web_errors  # whose errors are below the root only once they are there
    return table(
        "error | what it says",
        (
            [code(error.__name__), _first(error.__doc__)]
            for root in (IotLogicError, SandboxError)
            for error in _below(root)
        ),
    )


def _below(error: type[Exception]) -> Iterator[type[Exception]]:
    yield error
    for each in sorted(error.__subclasses__(), key=lambda each: each.__name__):
        yield from _below(each)


def _first(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())
