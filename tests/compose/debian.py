"""A small Debian 13 in a folder, created by debootstrap. Needs root.

Packages come from the same sources as this machine's. debootstrap is installed if it is missing.
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
    """Install a minimal Debian into `root`, which must be empty or missing."""
    if shutil.which("debootstrap") is None:
        try:
            packages.install(_DEBOOTSTRAP)
        except Unavailable as e:
            raise AssertionError(f"{e}. Install it with {_DEBOOTSTRAP.advice()}.") from e
    # This machine's package source also has the other suites. Without one, debootstrap uses its default.
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    # It reports its progress on standard output, package by package, and errors on standard error.
    subprocess.run(
        ["debootstrap", "--variant=minbase", SUITE, root, *sites[:1]],
        stdout=subprocess.DEVNULL,
        check=True,
    )
