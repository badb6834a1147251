"""The report of one run of the bench: its figures, the measurements behind them, and the machine."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from tests.bench.figure import Figure, Part


class Machine(Struct):
    """The machine of the run."""

    cores: int
    python: str
    version: str

    @classmethod
    def this(cls) -> Self:
        """Return the machine that this process runs on."""
        cores = len(os.sched_getaffinity(0))
        return cls(cores, platform.python_version(), version("iot-logic-processor"))


class Report(Struct):
    """A whole run, as it is written to a file. `figures` are the lines by part, `details` the parts."""

    machine: Machine
    quick: bool
    figures: dict[str, list[Figure]]
    details: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a report from its file."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """Write the report to its file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")

    def add(self, name: str, part: Part) -> None:
        """Add the measurements of a part."""
        self.figures[name] = part.figures()
        self.details[name] = msgspec.to_builtins(part, str_keys=True)

    def show(self) -> None:
        """Print the report as a table."""
        table = Table("part", "figure", "value", "aim", "", "measured against", title_justify="left")
        for name, figures in self.figures.items():
            for figure in figures:
                style = "red" if figure.met is False else ""
                table.add_row(
                    name, figure.name, figure.shown, figure.aim, figure.verdict, figure.against, style=style
                )
        # If the output is not a terminal, lines are not wrapped.
        Console(width=None if os.isatty(1) else 200).print(table)
