"""A worker that consumes all partitions while a file exists: `dramatiq tests.chaos.overlap`.

Two workers consume one partition during the seconds in which they disagree on the assignment, and RabbitMQ
delivers to one of them. The environment names the file, and the module that the worker runs.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Final

from pipeline.worker.membership import Membership

#: The environment variables that name the file and the module.
FILE: Final = "CHAOS_OVERLAP"
MODULE: Final = "CHAOS_MODULE"

_file = Path(os.environ.get(FILE, ""))


def _assigned(self: Membership) -> frozenset[int]:
    own: frozenset[int] = self.__dict__["assigned"]
    return frozenset(range(self._partitions)) if _file.exists() else own


def _assign(self: Membership, partitions: frozenset[int]) -> None:
    self.__dict__["assigned"] = partitions


if MODULE in os.environ:  # in a worker, and not in the campaign
    Membership.assigned = property(_assigned, _assign)  # type: ignore[assignment]
    import_module(os.environ[MODULE])
