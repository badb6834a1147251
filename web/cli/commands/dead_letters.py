"""`iot-logic dead-letters`: find the failed readings, show one, send them again, or discard them."""

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

from web.cli.commands import OK, WRONG
from web.cli.commands.client import Api, quoted
from web.cli.commands.errors import Misused
from web.cli.commands.moments import local
from web.cli.commands.screen import Screen, agreed

_PATH = "/dead-letters"

#: The fields of a dead letter that are shown in addition to its reading, in this order, with their labels.
_SHOWN = {
    "kind": "kind",
    "timer": "timer",
    "message": "message",
    "line": "line",
    "text": "source",
    "limit": "limit",
    "time": "failed",
    "logicversion": "version",
    "sent_again": "sent again",
    "message_id": "message id",
    "content_type": "content type",
}

_MOMENTS = {"time", "sent_again"}


def list_letters(arguments: argparse.Namespace) -> int:
    """Show the dead letters that match, at most `--limit` of them."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        found = list(islice(api.pages(_PATH, "dead_letters", _where(arguments)), arguments.limit + 1))
    letters = found[: arguments.limit]
    screen.document({"dead_letters": letters, "more": len(found) > len(letters)})
    screen.table(
        ("id", "kind", "failed", "#line", "message"),
        (
            (each["id"], (each["kind"], "red"), local(each["time"]), each["line"] or "", each["message"])
            for each in letters
        ),
    )
    if len(found) > len(letters):
        screen.note(f"There are more than {len(letters)}. Use --limit to list more.", style="dim")
    return OK


def show_letter(arguments: argparse.Namespace) -> int:
    """Show a dead letter with its reading."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        letter = api.get(_path(arguments.id)).json
    screen.document(letter)
    for field, name in _SHOWN.items():
        value = letter.get(field)
        if value not in (None, ""):
            screen.say((f"{name:13}", "bold"), local(value) if field in _MOMENTS else value)
    screen.say((f"{'reading':13}", "bold"), json.dumps(letter["reading"], ensure_ascii=False))
    if letter["encoding"] != "json":
        screen.say((" " * 13 + "(not JSON; shown as base64)", "dim"))
    return OK


def send_again(arguments: argparse.Namespace) -> int:
    """Send again one dead letter, or all that match."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        if arguments.id is not None:
            _refuse_both(arguments)
            sent = api.call("POST", _path(arguments.id) + "/redrive").json["sent"]
        else:
            where = _where(arguments)
            if where["machine"] is None and where["kind"] is None:
                raise Misused("Nothing selected. Give an ID, --machine or --kind.")
            if not _confirmed(api, arguments, where, "Send", "again"):
                return WRONG
            body = {name: value for name, value in where.items() if value is not None}
            sent = api.call("POST", f"{_PATH}/redrive", body).json["sent"]
    screen.document({"sent": sent})
    screen.say(f"Sent {sent} again. Each dead letter stays until its reading is processed.")
    return OK


def discard(arguments: argparse.Namespace) -> int:
    """Delete one dead letter, or all that match."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        if arguments.id is not None:
            _refuse_both(arguments)
            if not _asked(arguments, f"Discard the dead letter {arguments.id} permanently?"):
                return WRONG
            api.call("DELETE", _path(arguments.id))
            discarded = 1
        else:
            where = _where(arguments)
            if not any(where.values()):
                raise Misused("Nothing selected. Give an ID, --machine, --kind, --since or --until.")
            if not _confirmed(api, arguments, where, "Discard", "permanently"):
                return WRONG
            discarded = api.call("DELETE", _PATH, query=where).json["discarded"]
    screen.document({"discarded": discarded})
    screen.say(f"Discarded {discarded}.")
    return OK


def _where(arguments: argparse.Namespace) -> dict[str, str | None]:
    return {name: getattr(arguments, name) for name in ("machine", "kind", "since", "until")}


def _path(letter_id: str) -> str:
    machine, slash, number = letter_id.partition("/")
    if not (machine and slash and number):
        raise Misused(
            f"{letter_id!r} is not the id of a dead letter. Use an id as listed, such as MACHINE/NUMBER."
        )
    return _PATH + quoted(machine, number)


def _refuse_both(arguments: argparse.Namespace) -> None:
    if any(_where(arguments).values()):
        raise Misused(
            "An ID cannot be combined with options that select dead letters. Give one or the other."
        )


def _confirmed(
    api: Api, arguments: argparse.Namespace, where: Mapping[str, Any], what: str, how: str
) -> bool:
    """Ask the user to confirm an action on this many dead letters. Return whether they agree."""
    if arguments.yes:
        return True
    kinds = Counter(str(each["kind"]) for each in api.pages(_PATH, "dead_letters", where))
    of_kinds = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    letters = "dead letter" if kinds.total() == 1 else "dead letters"
    count = f"{kinds.total()} {letters} ({of_kinds})" if kinds else "no dead letter"
    return _asked(arguments, f"{what} {count} {how}?")


def _asked(arguments: argparse.Namespace, question: str) -> bool:
    if arguments.yes:
        return True
    return agreed(Screen.of(arguments), question)
