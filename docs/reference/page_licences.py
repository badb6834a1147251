"""The licences of the npm packages that build the pages (`web/pages`), from their lock file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

PAGES: Final = Path(__file__).parents[2] / "web" / "pages"

#: An import of a package in a source of the pages. The name may have a scope.
_IMPORT: Final = re.compile(r"""(?:from|import)\s*\(?\s*["']((?:@[\w.-]+/)?[\w-][\w.-]*)""")

_FOLDER: Final = "node_modules/"


class NpmPackage(msgspec.Struct, frozen=True):
    """A package in the lock file."""

    version: str = ""
    license: str = ""
    dependencies: dict[str, str] = {}


class _Lock(msgspec.Struct):
    packages: dict[str, NpmPackage]


class NpmLicence(NamedTuple):
    """A package with its licence, and whether the built pages may contain parts of it."""

    name: str
    version: str
    licence: str
    in_pages: bool


def npm_licences() -> Iterator[NpmLicence]:
    """Yield all packages in the lock file, sorted by path."""
    lock = msgspec.json.decode((PAGES / "package-lock.json").read_bytes(), type=_Lock)
    within = _below(imported(PAGES / "src"), lock.packages)
    for path, package in sorted(lock.packages.items()):
        if path:
            name = path.rpartition(_FOLDER)[2]
            licence = package.license.removeprefix("(").removesuffix(")")
            yield NpmLicence(name, package.version, licence, name in within)


def imported(folder: Path) -> set[str]:
    """Return the packages that the sources in a folder import."""
    sources = [path for path in folder.rglob("*") if path.suffix in {".ts", ".svelte"}]
    return {name for path in sources for name in _IMPORT.findall(path.read_text())}


def _below(names: set[str], packages: dict[str, NpmPackage]) -> set[str]:
    """Return these packages and all their dependencies: the bundler can take parts of any of them."""
    found, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += packages[_FOLDER + name].dependencies
    return found
