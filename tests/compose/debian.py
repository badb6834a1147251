"""A small Debian 13 in a folder, made by debootstrap. Needs root.

Packages come from where this machine has its own. debootstrap is installed where it is missing.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from pipeline.local import packages
from pipeline.local.errors import Unavailable
from pipeline.local.packages import Package

SUITE: Final = "trixie"

_DEBOOTSTRAP: Final = Package("debootstrap", "debootstrap", "debootstrap", "debootstrap")


def bootstrap(root: Path) -> None:
    """Install the smallest Debian into `root`, which must be empty or missing."""
    if shutil.which("debootstrap") is None:
        try:
            packages.install(_DEBOOTSTRAP)
        except Unavailable as e:
            raise AssertionError(f"{e}. Install it with {_DEBOOTSTRAP.advice()}.") from e
    # Where this machine has its packages from, there are those of the other suites. Else: debootstrap's own.
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    # What it does it says on standard output, package by package; what went wrong, on the other.
    subprocess.run(
        ["debootstrap", "--variant=minbase", SUITE, root, *sites[:1]],
        stdout=subprocess.DEVNULL,
        check=True,
    )
