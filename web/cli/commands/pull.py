"""`iot-logic pull`: write the deployed logic into a folder, in the layout that `push` reads.

An existing file with different content is not overwritten unless `--force` is given: it may hold work that is
not pushed yet.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from web.cli.commands import OK, WRONG
from web.cli.commands.client import Answer, Api, field
from web.cli.commands.errors import Misused
from web.cli.commands.folder import content_of, path_of, says
from web.cli.commands.screen import Screen
from web.cli.commands.target import Target

_STYLES = {"written": "green", "kept": "yellow"}


def pull(arguments: argparse.Namespace) -> int:
    """Write the deployed logic of all machines and profiles, or of one, to files."""
    screen = Screen.of(arguments)
    target = Target.named(arguments)
    outcomes = list[tuple[Path, str]]()
    with Api.of(arguments) as api:
        for each in [target] if target else _targets(api):
            before = len(outcomes)
            for part, value in _parts(api, each):
                path = path_of(arguments.folder, each, part)
                outcomes.append((path, _write(path, each, part, value, force=arguments.force)))
            if target and len(outcomes) == before:
                raise Misused(f"The API has nothing for {target}.")
    screen.document({"files": [{"file": str(path), "outcome": outcome} for path, outcome in outcomes]})
    told = [(path, outcome) for path, outcome in outcomes if outcome != "the same"]
    if told:
        screen.table(("file", "outcome"), ((path, (outcome, _STYLES[outcome])) for path, outcome in told))
    kept = sum(outcome == "kept" for _, outcome in told)
    screen.say(f"{len(told) - kept} written, {kept} kept, {len(outcomes) - len(told)} unchanged")
    if kept:
        screen.note(
            "Some files differ from the deployed logic and were kept. `iot-logic diff` shows the "
            "differences; --force overwrites the files.",
            style="yellow",
        )
    return WRONG if kept else OK


def _targets(api: Api) -> Iterator[Target]:
    """Yield all profiles and machines. Their names become paths, so each name is checked."""
    for each in api.pages("/profiles", "profiles"):
        yield Target.of("profiles", str(each.get("name")))
    for each in api.pages("/machines", "machines"):
        yield Target.of("machines", str(each.get("id")))


def _parts(api: Api, target: Target) -> Iterator[tuple[str, Any]]:
    """Yield the existing parts of the machine or profile."""
    if logic := api.find(f"{target.path}/logic"):
        yield "logic", field(logic, "logic")
        if examples := field(logic, "examples"):
            yield "examples", examples
    settings = api.find(f"{target.path}/settings")
    if settings and settings.json:
        yield "settings", settings.json
    config = api.find(f"{target.path}/config")
    if config and config.json:
        yield "config", config.json
    if target.kind == "machines" and (profile := _profile(api.find(target.path))):
        yield "profile", Target.of("profiles", profile).name


def _profile(machine: Answer | None) -> str | None:
    return None if machine is None else field(machine, "profile")


def _write(path: Path, target: Target, part: str, value: Any, *, force: bool) -> str:
    try:
        if path.exists():
            if says(path, target, part, value):
                return "the same"
            if not force:
                return "kept"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(part, value))
    except OSError as e:
        raise Misused(f"{path} cannot be written: {e}") from e
    return "written"
