"""`iot-logic templates`: list the templates, show one, or write it to the files of a machine or profile."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from pipeline.templates.library import Template, templates
from web.cli.commands import OK, WRONG
from web.cli.commands.errors import Misused
from web.cli.commands.folder import content_of, path_of, says
from web.cli.commands.screen import Screen
from web.cli.commands.target import KINDS, Target


def show_templates(arguments: argparse.Namespace) -> int:
    """List the templates, or show or write the one that is named."""
    screen = Screen.of(arguments)
    if arguments.name is None:
        if arguments.into is not None:
            raise Misused("--into needs the NAME of a template.")
        _list(screen)
        return OK
    template = templates().get(arguments.name)
    if template is None:
        raise Misused(f"There is no template {arguments.name!r}. `iot-logic templates` lists all templates.")
    if arguments.into is not None:
        return _write(screen, template, arguments.into, force=arguments.force)
    screen.document(msgspec.to_builtins(template))
    for line in template.logic.splitlines():
        screen.say(line)
    return OK


def _list(screen: Screen) -> None:
    found = templates().values()
    parts = ("name", "title", "description", "settings")
    shown = [msgspec.to_builtins(each) for each in found]
    screen.document({"templates": [{part: each[part] for part in parts} for each in shown]})
    screen.table(("template", "what it does"), ((each.name, each.description) for each in found))


def _write(screen: Screen, template: Template, into: Path, *, force: bool) -> int:
    if into.parent.name not in KINDS:
        raise Misused(
            f"{into} does not say what the template is for. Give FOLDER/machines/ID or FOLDER/profiles/NAME."
        )
    target = Target.parse(str(into))
    files = {path_of(into.parent.parent, target, part): (part, value) for part, value in _parts(template)}
    kept = [
        path
        for path, (part, value) in files.items()
        if path.exists() and not says(path, target, part, value) and not force
    ]
    written = list[Path]()
    if not kept:
        for path, (part, value) in files.items():
            _save(path, content_of(part, value))
            written.append(path)
    screen.document({"written": [str(path) for path in written], "kept": [str(path) for path in kept]})
    for path in written:
        screen.say(f"wrote {path}")
    for path in kept:
        screen.note(
            f"{path} exists and differs, so nothing was written. --force overwrites it.", style="yellow"
        )
    return WRONG if kept else OK


def _parts(template: Template) -> list[tuple[str, Any]]:
    """Return the parts of a folder that the template has."""
    parts: list[tuple[str, Any]] = [
        ("logic", template.logic),
        ("examples", msgspec.to_builtins(template.examples)),
    ]
    if settings := msgspec.to_builtins(template.settings):
        parts.append(("settings", settings))
    return parts


def _save(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as e:
        raise Misused(f"{path} cannot be written: {e}") from e
