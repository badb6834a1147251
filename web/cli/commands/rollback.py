"""`iot-logic rollback`: deploy a version again, by default the previously deployed one.

A second rollback undoes the first. To go further back, name the version.
"""

import argparse
from typing import Any

from web.cli.commands import OK
from web.cli.commands.client import Api, field
from web.cli.commands.errors import Misused
from web.cli.commands.moments import local
from web.cli.commands.screen import Screen
from web.cli.commands.target import Target


def rollback(arguments: argparse.Namespace) -> int:
    """Deploy a version again, on the condition that nothing has changed since it was read."""
    screen = Screen.of(arguments)
    target = Target.parse(arguments.target)
    with Api.of(arguments) as api:
        logic = api.get(f"{target.path}/logic")
        before = field(logic, "version")
        version = arguments.version or field(logic, "previous")
        if version is None:
            raise Misused(f"{target} has no previously deployed version. Give the VERSION to deploy.")
        headers = {"If-Match": logic.etag} if logic.etag else {}
        answer = api.call("POST", f"{target.path}/logic/versions/{version}/activate", headers=headers)
        whole: dict[str, Any] = api.get(f"{target.path}/logic/versions/{version}").json
    screen.document(answer.json)
    screen.say(
        (str(target), "bold"),
        f": version {before} → ",
        (str(version), "green"),
        f" of {local(whole.get('time'))}",
        f" by {whole['author']}" if whole.get("author") else "",
        f": {whole['comment']}" if whole.get("comment") else "",
    )
    return OK
