"""The licences of what is installed beside our code, as its own metadata names them."""

from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from typing import Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.reference.markdown import table
from docs.reference.page_licences import NpmLicence, npm_licences

PROJECT: Final = "iot-logic-processor"

#: The licences that a plant can live with, by their SPDX names: each lets anybody use, change and pass on the
#: package, beside a program of any licence.
ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-3.0-or-later",  # of a package that is installed as it is and can be replaced by its user
        "MIT",
        "MPL-2.0",  # asks for the source of its own files alone, which are unchanged
        "PSF-2.0",
        "ZPL-2.1",
    }
)

#: Older metadata has a name of its own, or a classifier, instead of an SPDX expression (PEP 639).
_NAMES: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "BSD": "BSD (which one it does not say)",
    "GNU LGPL v3+": "LGPL-3.0-or-later",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "New BSD": "BSD-3-Clause",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD (which one it does not say)",
    "License :: OSI Approved :: GNU General Public License (GPL)": "GPL",
    "License :: OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: Public Domain": "public domain",
}


def licences() -> str:
    """What runs in a plant, what is in its pages, and what only making and testing it needs."""
    running, pages = needed("otel"), list(npm_licences())
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
    """The names of the packages that ours needs, with some of its extras; of theirs, and so on."""
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
    """The package's licence: an SPDX expression where that is known; nothing where none is named."""
    metadata = package.metadata
    if expressions := metadata.get_all("License-Expression", []):
        return str(canonicalize_license_expression(expressions[0]))
    # Some have the whole text there, whose first line is the licence's name.
    first = "".join(metadata.get_all("License", [])).strip().partition("\n")[0]
    if known := _NAMES.get(first) or _spdx(first):
        return known
    classifiers = [each for each in metadata.get_all("Classifier", []) if each.startswith("License :: ")]
    return " or ".join(_NAMES.get(each, each.rpartition(" :: ")[2]) for each in classifiers)


def is_allowed(expression: str) -> bool:
    """Whether a plant can live with an expression: with all parts of one of those to choose from."""
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
