"""Writes the times without service of a run into the docs, so that no figure there is typed by hand.

`python -m tests.chaos.hosts.page build/cluster.json docs/growing.md`
"""

import sys
from pathlib import Path

from tests.bench.page import filled
from tests.chaos.hosts.campaign import read, table

#: The name of the markers.
NAME = "time without service"


def main() -> None:
    """Read the run, and write the page."""
    source, page = (Path(argument) for argument in sys.argv[1:])
    page.write_text(filled(page.read_text(), NAME, table(read(source))))


if __name__ == "__main__":
    main()
