"""Tables of failures: kinds of dead letters, statuses of the API and of commands, errors."""

from collections.abc import Iterator
from typing import Final

from docs.reference.markdown import code, table
from pipeline.errors import IotLogicError
from pipeline.model.dead_letter import KINDS
from sandbox.errors import SandboxError
from web.cli import commands
from web.http.problems import MEANINGS

#: What each kind of dead letter means, and what to do.
_KINDS: Final = {
    "not-json": (
        "The reading is not JSON.",
        "Fix the device. If you send the reading again, it fails again.",
    ),
    "invalid-payload": (
        "The reading is not valid in the format that the settings of its machine name, such as CBOR or gzip.",
        "Fix the device, or set the format that it sends; then send the reading again.",
    ),
    "error": (
        "`process` raised an error, or returned an invalid value, or left one in `state`.",
        "Fix the logic at the line that the dead letter names, then send the reading again.",
    ),
    "limit": (
        "The logic exceeded a limit; the dead letter names it.",
        "Make the logic do less, or raise the limit, then send the reading again.",
    ),
    "refused": (
        "The policy of this version of the program refuses the deployed logic.",
        "Upload a logic that passes, then send the reading again.",
    ),
    "quarantined": (
        "The logic had to be stopped so often that it no longer runs on this machine.",
        "Upload another logic or lift the quarantine, then send the reading again.",
    ),
    "no-logic": (
        "The machine has no deployed logic, or the source of it in Redis is missing or was changed.",
        "Upload one, then send the reading again.",
    ),
    "paused": (
        "The machine is paused.",
        'Resume it; with `{"redrive": true}` these readings are sent again.',
    ),
    "machine-id": (
        "The routing key names no machine: it is not `machines.<id>.data` with a valid id.",
        "Fix the topic in the device. The reading belongs to no machine, so you can only discard it.",
    ),
    "other-source": (
        "The reading came in another way than the machine's readings. The message names both.",
        "Let the device send in [one way](own-topics.md#one-way-in), then send the reading again.",
    ),
    "late": (
        "The reading is older than the machine's newest one by more than the machine's settings allow.",
        "Send it again if it must be run, or change [the rule](connect-a-machine.md#late-readings).",
    ),
    "unknown-topic": (
        "A message was published below `machines/` with another topic than `machines/<id>/data`.",
        "Change the topic on the device. The message belongs to no machine, so you can only discard it.",
    ),
    "expired": (
        "The reading expired in RabbitMQ before a worker took it. Its logic never ran, so it has no number.",
        "Send it again if it still matters. Set a longer expiry on the device, or start more workers.",
    ),
    "unknown": ("No worker of this version wrote this dead letter.", "Read its headers."),
}

#: What each exit status of `iot-logic` means.
_EXIT_STATUSES: Final = {
    commands.OK: "success",
    commands.WRONG: "a problem was found: a logic was refused, an example or a reading failed, someone else "
    "made a conflicting change, there are differences, or the plant has a problem",
    commands.UNABLE: "the command could not run: wrong usage, the API does not answer, the token's role is "
    "not sufficient",
    commands.STOPPED: "Ctrl-C, or the program that reads the output has ended",
}


def kinds() -> str:
    """Return the kinds of dead letters. Raises `KeyError` for a kind without a description."""
    return table("kind | what happened | what to do", ([code(kind), *_KINDS[kind]] for kind in KINDS))


def statuses() -> str:
    """Return the statuses of the API's problems."""
    return table("status | meaning", ([code(status), text] for status, text in MEANINGS.items()))


def exit_statuses() -> str:
    """Return the exit statuses of `iot-logic`."""
    return table("status | meaning", ([code(status), text] for status, text in _EXIT_STATUSES.items()))


def errors() -> str:
    """Return the errors of the program by the name that they have in logs."""
    return table(
        "error | meaning",
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
