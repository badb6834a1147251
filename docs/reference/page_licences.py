"""The licences of the npm packages that make the pages (`web/pages`), as their lock file names them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

PAGES: Final = Path(__file__).parents[2] / "web" / "pages"

#: What a source of the pages imports of others: the name of a package, which may have a scope.
_IMPORT: Final = re.compile(r"""(?:from|import)\s*\(?\s*["']((?:@[\w.-]+/)?[\w-][\w.-]*)""")

_FOLDER: Final = "node_modules/"


class NpmPackage(msgspec.Struct, frozen=True):
    """A package as the lock file knows it."""

    version: str = ""
    license: str = ""
    dependencies: dict[str, str] = {}


class _Lock(msgspec.Struct):
    packages: dict[str, NpmPackage]


class NpmLicence(NamedTuple):
    """A package with its licence, and whether something of it may be in the pages as they are built."""

    name: str
    version: str
    licence: str
    in_pages: bool


def npm_licences() -> Iterator[NpmLicence]:
    """All packages of the lock file, by name."""
    lock = msgspec.json.decode((PAGES / "package-lock.json").read_bytes(), type=_Lock)
    within = _below(imported(PAGES / "src"), lock.packages)
    for path, package in sorted(lock.packages.items()):
        if path:
            name = path.rpartition(_FOLDER)[2]
            licence = package.license.removeprefix("(").removesuffix(")")
            yield NpmLicence(name, package.version, licence, name in within)


def imported(folder: Path) -> set[str]:
    """The packages that the sources in a folder import."""
    sources = [path for path in folder.rglob("*") if path.suffix in {".ts", ".svelte"}]
    return {name for path in sources for name in _IMPORT.findall(path.read_text())}


def _below(names: set[str], packages: dict[str, NpmPackage]) -> set[str]:
    """These packages, what they need, and so on: all that the bundler can take something from."""
    found, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += packages[_FOLDER + name].dependencies
    return found
