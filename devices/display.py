"""The display of the command while it sends: a progress bar on a terminal, nothing elsewhere."""

import logging
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from devices.outbox import Counts


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="progress.data.speed")


class _CountColumn(MofNCompleteColumn):
    """`12/100`, or `12` if the total is unknown."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.total is not None else Text(f"{int(task.completed)}")


class Display:
    """Shows the number of confirmed readings and the senders' warnings on standard error."""

    def __init__(self, what: str, total: int | None) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            _CountColumn(),
            TextColumn("confirmed"),
            _RateColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(what, total=total)
        self._handler: logging.Handler = logging.StreamHandler()
        if self._console.is_terminal:
            # Prints above the bar instead of into it.
            self._handler = RichHandler(
                console=self._console, show_time=False, show_level=False, show_path=False, markup=False
            )

    def __enter__(self) -> Self:
        logging.getLogger("devices").addHandler(self._handler)
        # pika logs each failed attempt at length; the senders report it in one line.
        logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        logging.getLogger("devices").removeHandler(self._handler)

    def show(self, counts: Counts) -> None:
        """Show these counts."""
        self._progress.update(self._task, completed=counts.confirmed)
