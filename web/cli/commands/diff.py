"""`iot-logic diff`: compare files with the deployed logic, or one version with another."""

import argparse
from collections.abc import Iterable
from difflib import unified_diff
from typing import Any

from web.cli.commands import OK, WRONG
from web.cli.commands.changes import PartChange, compare
from web.cli.commands.client import Api
from web.cli.commands.errors import Misused
from web.cli.commands.folder import chosen, content_of
from web.cli.commands.screen import Screen
from web.cli.commands.target import Target

_STYLES = {"+++": "bold", "---": "bold", "@": "cyan", "+": "green", "-": "red"}


def diff(arguments: argparse.Namespace) -> int:
    """Show the differences. The exit status is 1 if there are any."""
    screen = Screen.of(arguments)
    target = Target.named(arguments)
    with Api.of(arguments) as api:
        if arguments.versions is not None:
            if target is None or arguments.path is not None:
                raise Misused("--versions needs --machine ID or --profile NAME, and no file or folder.")
            found = [_versions(api, target, *arguments.versions)]
        else:
            if arguments.path is None:
                raise Misused("Nothing to compare. Give a file or folder, or --versions FROM TO.")
            compared = compare(api, chosen(arguments.path, target))
            found = [entry for each in compared for change in each.changes for entry in _change(change)]
    found = [each for each in found if each["diff"]]
    screen.document({"differences": found})
    for each in found:
        show_diff(screen, each["diff"])
    return WRONG if found else OK


def show_diff(screen: Screen, diff: str) -> None:
    """Show a unified diff, with a colour for each kind of line."""
    for line in diff.split("\n")[:-1]:
        style = next((style for start, style in _STYLES.items() if line.startswith(start)), "")
        screen.say((line, style))


def _versions(api: Api, target: Target, one: int, other: int) -> dict[str, Any]:
    path = f"{target.path}/logic/versions/{one}/diff"
    return {"target": str(target), "part": "logic", "diff": api.get(path, {"to": other}).text}


def _change(change: PartChange) -> Iterable[dict[str, Any]]:
    """Return the difference between the deployed logic and the files."""
    parts = [(change.part, change.before, change.after)]
    if change.examples is not None:
        parts.append(("examples", change.examples_before, change.examples))
    for part, before, after in parts:
        name = f"{change.target} {part}"
        yield {
            "target": str(change.target),
            "part": part,
            "diff": _unified(_text(part, before), _text(part, after), f"{name}, deployed", f"{name}, here"),
        }


def _text(part: str, value: Any) -> str:
    return "" if value in (None, []) else content_of(part, value).decode()


def _unified(before: str, after: str, one: str, other: str) -> str:
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), one, other)
    return "".join(
        line if line.endswith(("\n", "\r")) else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
