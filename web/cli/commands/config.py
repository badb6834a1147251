"""`iot-logic config`: the versions of a config, their differences, and going back to an earlier one."""

import argparse
from itertools import islice
from typing import Any

from web.cli.commands import OK, WRONG
from web.cli.commands.client import Api
from web.cli.commands.diff import show_diff
from web.cli.commands.errors import Misused
from web.cli.commands.moments import local
from web.cli.commands.screen import Screen
from web.cli.commands.target import Target


def show_history(arguments: argparse.Namespace) -> int:
    """List the versions, newest first, at most `--limit` of them."""
    screen = Screen.of(arguments)
    target = Target.parse(arguments.target)
    with Api.of(arguments) as api:
        found = list(islice(_versions(api, target), arguments.limit))
    screen.document({"versions": found})
    screen.table(
        ("#version", "saved", "author", "comment"),
        ((each["version"], local(each["time"]), each["author"], each["comment"] or "") for each in found),
    )
    if not found:
        screen.say(f"There is no version of the config of {target} yet")
    return OK


def diff(arguments: argparse.Namespace) -> int:
    """Compare two versions; by default, the current one with the one before it."""
    screen = Screen.of(arguments)
    target = Target.parse(arguments.target)
    with Api.of(arguments) as api:
        current, previous = _last_two(api, target)
        one = arguments.one or previous
        other = arguments.other or current
        if one is None or other is None:
            raise Misused(f"The config of {target} has no earlier version to compare with.")
        text = api.get(f"{target.path}/config/versions/{one}/diff", {"to": other}).text
    screen.document({"from": one, "to": other, "diff": text})
    show_diff(screen, text)
    return WRONG if text else OK


def rollback(arguments: argparse.Namespace) -> int:
    """Restore an earlier version, on the condition that nothing has changed since it was read."""
    screen = Screen.of(arguments)
    target = Target.parse(arguments.target)
    with Api.of(arguments) as api:
        # Read first, so that a change made after it is a conflict.
        etag = api.get(f"{target.path}/config").etag
        current, previous = _last_two(api, target)
        version = arguments.version or previous
        if version is None:
            raise Misused(f"The config of {target} has no earlier version to restore.")
        answer = api.call(
            "POST",
            f"{target.path}/config/versions/{version}/restore",
            query={"comment": arguments.comment},
            headers={"If-Match": etag} if etag else {},
        )
        now, _ = _last_two(api, target)
    screen.document({"restored": version, "version": now, "config": answer.json})
    screen.say(
        (str(target), "bold"),
        f": the config is that of version {version}"
        + (f" again, as version {now}" if now != current else ", as before"),
    )
    return OK


def _versions(api: Api, target: Target) -> Any:
    return api.pages(f"{target.path}/config/versions", "versions", cursor="before")


def _last_two(api: Api, target: Target) -> tuple[int | None, int | None]:
    """Return the number of the current version and of the one before it, as far as there are any."""
    found: list[int] = [each["version"] for each in islice(_versions(api, target), 2)]
    return (found[0] if found else None), (found[1] if len(found) > 1 else None)
