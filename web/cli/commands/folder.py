"""A folder of logic, as it is stored in git.

::

    machines/press-7.py               the logic of a machine
    machines/press-7.examples.json    its examples: readings with their expected outcomes
    machines/press-7.config.json      the machine's config
    machines/press-7.settings.json    its settings: the format of its readings, its schedules, and others
    machines/press-7.profile          the name of the machine's profile, in one line
    profiles/pumps.py                 the logic of a profile
    profiles/pumps.examples.json      its examples
    profiles/pumps.config.json        the config of its machines, under their own
    profiles/pumps.settings.json      the settings of its machines

Each file is optional. Any other file in these two folders is an error, because an ignored file with a
misspelt name is hard to find. Hidden files and `__pycache__` are ignored.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from pipeline.errors import ScheduleRefused
from pipeline.model.new_settings import NewSettings
from pipeline.model.schedule import check
from pipeline.trials.examples import Example
from web.cli.commands.errors import Misused
from web.cli.commands.target import KINDS, Kind, Target

#: The endings of the names of the files, with the part of a `Local` that each file holds.
ENDINGS: Final = {
    ".examples.json": "examples",
    ".config.json": "config",
    ".settings.json": "settings",
    ".profile": "profile",
    ".py": "logic",
}

#: What a file contains, by its part.
_CONTENTS: Final = {
    "examples": "a JSON list of examples",
    "config": "a JSON object",
    "settings": "the settings as JSON",
}

#: The parts that only machines have.
_OF_MACHINES: Final = ("profile",)


class Local(Struct):
    """The content of the files of a machine or profile. A part without a file is None.

    `file` is the path of its logic, even if there is no such file.
    """

    target: Target
    file: Path
    logic: str | None = None
    examples: list[Any] | None = None
    config: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    profile: str | None = None


def read_folder(folder: Path) -> list[Local]:
    """Return the content of a folder: profiles first, each kind sorted by name. Raises `Misused`."""
    found = dict[Target, Local]()
    for kind in KINDS:
        for path in sorted(_files(folder / kind)):
            name, ending = _split(path, kind)
            target = Target.of(kind, name)
            local = found.setdefault(target, Local(target, path.with_name(f"{name}.py")))
            _add(local, ENDINGS[ending], path)
    if not found:
        raise Misused(f"{folder} contains no logic. Put it into the subfolders machines/ and profiles/.")
    for local in found.values():
        if local.examples is not None and local.logic is None:
            raise Misused(f"There are examples for {local.file}, but that file is missing.")
    return list(found.values())


def read_file(path: Path, target: Target) -> Local:
    """Read a file of logic, and the files next to it that belong to the same machine or profile."""
    local = Local(target, path)
    _add(local, "logic", path)
    for ending, part in ENDINGS.items():
        beside = path.with_name(path.name.removesuffix(".py") + ending)
        if beside != path and beside.exists() and (target.kind == "machines" or part not in _OF_MACHINES):
            _add(local, part, beside)
    return local


def chosen(path: Path, target: Target | None) -> list[Local]:
    """Return the content that a command works on: a folder, only `target` in it, or a file. Raises `Misused`.

    The name of a file in `machines/` or `profiles/` is the name of its machine or profile.
    """
    if path.is_dir():
        found = [local for local in read_folder(path) if target in (None, local.target)]
        if not found:
            raise Misused(f"{path} contains no files for {target}.")
        return found
    if target is None:
        if path.parent.name not in KINDS or path.suffix != ".py":
            raise Misused(
                f"The name of {path} does not say what it is for. Give --machine ID or --profile NAME."
            )
        target = Target.parse(str(path))
    return [read_file(path, target)]


def read_settings(path: Path) -> NewSettings:
    """Return the settings in a file. Raises `Misused`, and `OSError`."""
    try:
        return _decode_settings(path.read_bytes())
    except ScheduleRefused as e:
        raise Misused(f"{path} is refused. {e}") from e
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Misused(f"{path} must contain {_CONTENTS['settings']}: {e}") from e


def path_of(folder: Path, target: Target, part: str) -> Path:
    """Return the path of a part in a folder."""
    [ending] = [ending for ending, each in ENDINGS.items() if each == part]
    return folder / target.kind / f"{target.name}{ending}"


def content_of(part: str, value: Any) -> bytes:
    """Return the content of a part's file. JSON is formatted so that git shows changes line by line."""
    if part in ("logic", "profile"):
        return f"{value}\n".encode() if part == "profile" else str(value).encode(errors="replace")
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def says(path: Path, target: Target, part: str, value: Any) -> bool:
    """Return whether a file already has this content. The formatting of JSON does not matter."""
    local = Local(target, path)
    try:
        _add(local, part, path)
    except Misused:
        return False
    return equal(getattr(local, part), value)


def equal(one: Any, other: Any) -> bool:
    """Return whether two JSON values are written the same. `1` and `1.0` are not, nor are `1` and `true`."""
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")


def _files(folder: Path) -> Iterator[Path]:
    try:
        paths = list(folder.iterdir()) if folder.is_dir() else []
    except OSError as e:
        raise Misused(f"{folder} cannot be read: {e}") from e
    return (path for path in paths if not path.name.startswith(".") and path.name != "__pycache__")


def _split(path: Path, kind: Kind) -> tuple[str, str]:
    """Split a file's name into the name of the machine or profile, and the ending."""
    for ending, part in ENDINGS.items():
        if path.name.endswith(ending) and path.is_file():
            if kind == "profiles" and part in _OF_MACHINES:
                raise Misused(f"{path} is not allowed: only a machine can have a {part}, not a profile.")
            return path.name.removesuffix(ending), ending
    raise Misused(
        f"{path} has an unknown ending. File names in {kind}/ must end with {', '.join(sorted(ENDINGS))}."
    )


def _decode_settings(content: bytes) -> NewSettings:
    settings = msgspec.json.decode(content, type=NewSettings)
    check(settings.scheduled)
    return settings


def _add(local: Local, part: str, path: Path) -> None:
    """Read a part from its file. Raises `Misused`."""
    try:
        content = path.read_bytes()
        match part:
            case "logic":
                # Unchanged, with its line endings, because the digest is that of these characters.
                local.logic = content.decode()
            case "examples":
                # As the API returns them, without the fields that have their default.
                local.examples = msgspec.to_builtins(msgspec.json.decode(content, type=list[Example]))
            case "config":
                local.config = msgspec.json.decode(content, type=dict[str, Any])
            case "settings":
                # As the API returns them, likewise. So only a real difference is a change.
                local.settings = msgspec.to_builtins(_decode_settings(content))
            case _:
                local.profile = Target.of("profiles", content.decode().strip()).name
    except OSError as e:
        raise Misused(f"{path} cannot be read: {e}") from e
    except ScheduleRefused as e:
        raise Misused(f"{path} is refused. {e}") from e
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        what = _CONTENTS.get(part, "UTF-8 text")
        raise Misused(f"{path} must contain {what}: {e}") from e
