"""`iot-logic push`: deploy files, for one machine or profile or for a whole folder.

- Only differences are sent.
- All logic is checked first, with its examples. If one is refused, nothing is changed.
- Each change is conditional on what was read. If someone else was faster, their change stays and the command
  reports a conflict. The other changes are still made; a second push shows what is left.
"""

import argparse
from collections import Counter
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from web.cli.commands import OK, WRONG
from web.cli.commands.changes import PartChange, compare
from web.cli.commands.client import Api, field
from web.cli.commands.errors import Refused
from web.cli.commands.folder import chosen
from web.cli.commands.problems import show_mismatches, show_problems
from web.cli.commands.screen import Screen
from web.cli.commands.target import Target

#: The outcomes of a change, with their styles.
_STYLES = {"deployed": "green", "to be deployed": "yellow", "refused": "red", "conflict": "red"}

#: Statuses that refuse only this change. Any other error would refuse the next change too.
_OF_THIS_ONE = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


_Notes = list[dict[str, Any]]


class _Outcome(Struct):
    """The outcome of a change, one of `_STYLES`.

    `version` is the version that it deployed, and `notes` are those about its logic.
    """

    change: PartChange
    outcome: str
    version: int | None = None
    refused: Refused | None = None
    notes: _Notes = []


def push(arguments: argparse.Namespace) -> int:
    """Compare, check, and deploy."""
    screen = Screen.of(arguments)
    done = list[_Outcome]()
    with Api.of(arguments) as api:
        compared = list(compare(api, chosen(arguments.path, Target.named(arguments))))
        changes = [change for each in compared for change in each.changes]
        same = sum(each.same for each in compared)
        verdicts = [(change, *_verdict(api, change, changes)) for change in changes]
        refused = [
            _Outcome(change, "refused", None, problem, notes)
            for change, problem, notes in verdicts
            if problem is not None
        ]
        try:
            if refused:
                done = refused
            elif arguments.dry_run:
                done = [_Outcome(change, "to be deployed", notes=notes) for change, _, notes in verdicts]
            else:
                for change, _, notes in verdicts:
                    done.append(_put(api, change, arguments.comment))
                    done[-1].notes = notes
        finally:
            # Show the outcomes even if the API became unreachable halfway.
            _show(screen, done, len(changes), same)
    if refused:
        screen.note(
            f"Nothing was changed, because {len(refused)} of {len(changes)} changes would be refused.",
            style="red",
        )
    return WRONG if any(each.refused for each in done) else OK


def _verdict(api: Api, change: PartChange, changes: list[PartChange]) -> tuple[Refused | None, _Notes]:
    """Return why a change would be refused, as far as that can be known in advance, and notes about it."""
    if change.part == "profile":
        profile = Target("profiles", change.after)
        if any(each.target == profile for each in changes) or api.find(profile.path):
            return None, []
        lacking = f"{profile} does not exist, neither in the files nor in the API."
        return Refused(HTTPStatus.NOT_FOUND, lacking), []
    if change.part != "logic":
        return None, []
    body = {"logic": change.after}
    if change.examples is not None:
        body["examples"] = change.examples
    try:
        verdict = api.call("POST", "/logic/validate", body)
    except Refused as e:
        if e.status in _OF_THIS_ONE:
            return e, []
        raise
    notes: _Notes = field(verdict, "notes")
    if field(verdict, "accepted"):
        return None, notes
    errors, examples = field(verdict, "errors"), field(verdict, "examples")
    what = "it has problems" if errors else "its examples fail"
    refused = Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The logic was refused: {what}.", errors, examples)
    return refused, notes


def _put(api: Api, change: PartChange, comment: str | None) -> _Outcome:
    """Apply a change on the condition that nothing has changed since it was read."""
    headers = {"If-Match": change.etag} if change.etag else {"If-None-Match": "*"}
    try:
        answer = api.call(
            "PUT",
            f"{change.target.path}/{change.part}",
            _body(change, comment),
            query={"comment": comment} if change.part == "config" else None,
            headers=headers,
        )
    except Refused as e:
        if e.status == HTTPStatus.PRECONDITION_FAILED:
            return _Outcome(change, "conflict", None, e)
        if e.status in _OF_THIS_ONE:
            return _Outcome(change, "refused", None, e)
        raise
    return _Outcome(change, "deployed", field(answer, "version") if change.part == "logic" else None)


def _body(change: PartChange, comment: str | None) -> Any:
    match change.part:
        case "config" | "settings":
            return change.after
        case "profile":
            return {"profile": change.after}
        case _:
            body = {"logic": change.after}
            if comment is not None:
                body["comment"] = comment
            if change.examples is not None:
                body["examples"] = change.examples
            return body


def _show(screen: Screen, done: list[_Outcome], total: int, same: int) -> None:
    screen.document({"changes": [_entry(each) for each in done], "same": same})
    if done:
        screen.table(
            ("what", "part", "version", "outcome"),
            (
                (each.change.target, each.change.part, _step(each), (each.outcome, _STYLES[each.outcome]))
                for each in done
            ),
        )
    counts = Counter(each.outcome for each in done)
    said = [f"{count} {outcome}" for outcome, count in counts.items()]
    if left := total - len(done):
        said.append(f"{left} not changed")
    if same:
        said.append(f"{same} unchanged")
    screen.say(", ".join(said) if total else f"Nothing to do: {same} unchanged")
    for each in done:
        _explain(screen, each)


def _entry(done: _Outcome) -> dict[str, Any]:
    return {
        "target": str(done.change.target),
        "part": done.change.part,
        "outcome": done.outcome,
        "version": done.version,
        "detail": done.refused.detail if done.refused else None,
        "errors": done.refused.errors if done.refused else [],
        "examples": done.refused.examples if done.refused else [],
        "notes": done.notes,
    }


def _step(done: _Outcome) -> str:
    """Return the versions before and after the change, as text."""
    if done.change.part != "logic":
        return ""
    before = str(done.change.version or "")
    return f"{before} → {done.version}".strip() if done.version else before


def _explain(screen: Screen, done: _Outcome) -> None:
    change = done.change
    show_problems(screen, done.notes, change.local.file, str(change.after), notes=True)
    if done.refused is None:
        return
    if done.outcome == "conflict":
        screen.note(
            (str(change.target), "bold"),
            f": someone else changed the {change.part} meanwhile, so yours was not deployed. Look at the "
            "difference with `iot-logic diff`, then push again.",
        )
        return
    screen.note((f"{change.target} {change.part}", "bold"), ": ", done.refused.detail)
    source = change.after if change.part == "logic" else ""
    show_problems(screen, done.refused.errors, change.local.file, source)
    show_mismatches(screen, done.refused.examples)
