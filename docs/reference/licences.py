"""The licences of the installed packages, from their metadata."""

from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from typing import Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.reference.markdown import table
from docs.reference.page_licences import NpmLicence, npm_licences

PROJECT: Final = "iot-logic-processor"

#: The accepted licences, by their SPDX names. Each permits everyone to use, change and distribute the package
#: together with a program of any licence.
ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-3.0-or-later",  # for unchanged packages that a user can replace
        "MIT",
        "MPL-2.0",  # requires only the source of its own files, which are unchanged
        "PSF-2.0",
        "ZPL-2.1",
    }
)

_ANY_BSD: Final = "BSD (variant not named)"
_BSD_3: Final = "BSD-3-Clause"

#: Names and classifiers in older metadata, which has no SPDX expression (PEP 639).
_NAMES: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "BSD": _ANY_BSD,
    "GNU LGPL v3+": "LGPL-3.0-or-later",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "New BSD": "BSD-3-Clause",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": _ANY_BSD,
    "License :: OSI Approved :: GNU General Public License (GPL)": "GPL",
    "License :: OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: Public Domain": "public domain",
}


def licences() -> str:
    """Return the packages that run in a plant, those in its pages, and those for development."""
    running, pages = needed("apprise", "otel"), list(npm_licences())
    return (
        "## Packages that run in a plant\n\n"
        + _table(running)
        + "\n## Packages in the web pages\n\n"
        + "The pages at `/` are a bundle. It may contain parts of these npm packages; `licences.md` beside "
        "it lists those that it does contain, with the notice of each.\n\n"
        + _npm_table(each for each in pages if each.in_pages)
        + "\n## Packages for development\n\n"
        + "The tests, the site and `make run` also need these. A plant has none of them.\n\n"
        + _table(each for each in needed("dev") if each not in running)
        + "\nThese build and check the pages:\n\n"
        + _npm_table(each for each in pages if not each.in_pages)
    )


def needed(*extras: str) -> list[str]:
    """Return the names of all packages that ours depends on, directly or not, with some of its extras."""
    found, waiting = set[tuple[str, frozenset[str]]](), [(PROJECT, frozenset(extras))]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in found:
            continue
        found.add((name, wanted))
        for requirement in map(Requirement, distribution(name).requires or []):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return sorted({name for name, _ in found} - {PROJECT})


def licence(package: Distribution) -> str:
    """Return the package's licence, as an SPDX expression if it is known; empty if it names none."""
    metadata = package.metadata
    if expressions := metadata.get_all("License-Expression", []):
        return str(canonicalize_license_expression(expressions[0]))
    # Some contain the whole text, which begins with the name of the licence.
    first = "".join(metadata.get_all("License", [])).strip().partition("\n")[0]
    if known := _NAMES.get(first) or _spdx(first):
        return known
    classifiers = [each for each in metadata.get_all("Classifier", []) if each.startswith("License :: ")]
    known = " or ".join(_NAMES.get(each, each.rpartition(" :: ")[2]) for each in classifiers)
    return _BSD_3 if known == _ANY_BSD and _forbids_endorsement(package) else known


def _forbids_endorsement(package: Distribution) -> bool:
    """Return whether the licence that comes with a package has the third clause of BSD."""
    texts = [package.read_text(f"licenses/{name}") for name in package.metadata.get_all("License-File", [])]
    return any("Neither the name of" in text for text in texts if text)


def is_allowed(expression: str) -> bool:
    """Return whether an expression is accepted: all parts of one of its alternatives are."""
    return any(all(part in ALLOWED for part in choice.split(" AND ")) for choice in expression.split(" OR "))


def _spdx(name: str) -> str:
    try:
        return str(canonicalize_license_expression(name))
    except InvalidLicenseExpression:
        return ""


def _table(names: Iterable[str]) -> str:
    packages = [distribution(name) for name in names]
    return table(
        "package | version | licence", ([each.name, each.version, licence(each)] for each in packages)
    )


def _npm_table(packages: Iterable[NpmLicence]) -> str:
    return table(
        "package | version | licence", ([each.name, each.version, each.licence] for each in packages)
    )
