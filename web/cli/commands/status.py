"""`iot-logic status`: show the status of the plant, with problems as sentences and in the exit status."""

import argparse
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import Struct

from web.cli.commands import OK, WRONG
from web.cli.commands.client import Api, field
from web.cli.commands.errors import Refused, Unclear
from web.cli.commands.listing import STYLES
from web.cli.commands.screen import Screen

#: Seconds before a partition with waiting readings but no progress is checked again.
_CHECK_AGAIN: Final = 2.0

#: The maximum number of machines that are counted for each health.
_MANY: Final = 1000

#: The maximum lag of a partition in seconds.
_BEHIND: Final = 60.0


class _Partition(Struct):
    """The values of a partition that the command checks."""

    partition: int
    held_by: list[str]
    ready: int
    overflow: int
    held: int
    seconds_behind: float | None
    source: str | None = None

    @property
    def name(self) -> str:
        """Return the partition's name in a sentence."""
        return f"Partition {self.partition}" + (f" (source {self.source})" if self.source else "")

    @property
    def waiting(self) -> int:
        """Return the number of unfinished readings."""
        return self.ready + self.overflow + self.held

    @property
    def readings(self) -> str:
        """Return the number of unfinished readings as text."""
        return "1 reading waits" if self.waiting == 1 else f"{self.waiting} readings wait"


class _Plant(Struct):
    """The API's data about the plant. `machines` counts them by health, up to `_MANY` each."""

    workers: list[dict[str, Any]]
    vanished: list[dict[str, Any]]
    partitions: list[dict[str, Any]]
    dead_letters: dict[str, Any]
    machines: dict[str, int]


def status(arguments: argparse.Namespace) -> int:
    """Show the workers, the waiting readings, the dead letters, the machines, and the problems."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        wrong, plant = _unready(api), None
        try:
            plant = _ask(api)
            wrong += _wrong(api, plant, unready=bool(wrong))
        except Refused:
            if not wrong:  # else that keeps the API from answering
                raise
    screen.document({"well": not wrong, "wrong": wrong} | (msgspec.to_builtins(plant) if plant else {}))
    if plant is not None:
        _show(screen, plant)
    for each in wrong:
        screen.say(("✗ ", "red"), each)
    if plant is not None and not wrong:
        screen.say(("✓ ", "green"), _well(plant.machines))
    return WRONG if wrong else OK


def _unready(api: Api) -> list[str]:
    """Return why Redis or RabbitMQ does not do its work, as sentences; empty if both do."""
    try:
        api.get("/health/ready")
    except Refused as e:
        return [str(each["message"]) for each in e.errors if "message" in each] or [str(e)]
    return []


def _ask(api: Api) -> _Plant:
    workers = api.get("/workers", {"limit": 1000})
    letters = api.get("/dead-letters", {"limit": 1}).json
    letters.pop("dead_letters", None)
    letters.pop("next", None)
    return _Plant(
        workers=field(workers, "workers"),
        vanished=field(workers, "vanished"),
        partitions=list(api.pages("/partitions", "partitions")),
        dead_letters=letters,
        machines={health: _count(api, health) for health in STYLES},
    )


def _count(api: Api, health: str) -> int:
    """Count the machines with this health, up to `_MANY`."""
    return sum(1 for _ in islice(api.pages("/machines", "machines", {"health": health}), _MANY))


def _wrong(api: Api, plant: _Plant, *, unready: bool) -> Iterator[str]:
    """Return the problems of a plant, as sentences, without those that Redis or RabbitMQ causes if `unready`.

    Workers report through Redis, and process nothing without RabbitMQ.
    """
    if not unready:
        yield from _wrong_with_workers(api, plant)
    if plant.dead_letters.get("warning"):
        yield str(plant.dead_letters["warning"])


def _wrong_with_workers(api: Api, plant: _Plant) -> Iterator[str]:
    if not plant.workers:
        yield "There is no worker, so no readings are processed. Start one: dramatiq pipeline.actors"
    for worker in plant.workers:
        if not worker.get("connected", True):
            yield f"The worker {worker.get('id')} has no connection to RabbitMQ, so it processes no readings."
    for worker in plant.vanished:
        yield f"The worker {worker.get('id')} has vanished. Its last report was {worker.get('heard')} s ago."
    partitions = _partitions(plant.partitions)
    # Check again after a moment: a partition may have changed its worker, or a reading may have just arrived.
    if plant.workers and any(_stuck(each) or not each.held_by for each in partitions):
        time.sleep(_CHECK_AGAIN)
        before = {each.partition: each for each in partitions}
        partitions = _partitions(api.pages("/partitions", "partitions"))
        for each in partitions:
            if not each.held_by:
                yield f"{each.name} has no consumer; {each.readings}."
            elif _stuck(each) and _stuck(before[each.partition]):
                yield f"{each.name} makes no progress; {each.readings}."
    for each in partitions:
        if each.seconds_behind is not None and each.seconds_behind > _BEHIND:
            behind = f"{each.seconds_behind:.0f} s behind"
            yield f"{each.name} is {behind}; {each.readings}."


def _well(machines: dict[str, int]) -> str:
    """Return the sentence for a plant without problems. Machines may still fail because of their logic."""
    ailing = [health for health in ("failing", "quarantined") if machines.get(health)]
    if not ailing:
        return "No problems found."
    return f"The system has no problems, but some machines do. See: iot-logic list --health {ailing[0]}"


def _partitions(found: Iterable[dict[str, Any]]) -> list[_Partition]:
    try:
        return msgspec.convert(list(found), list[_Partition])
    except msgspec.ValidationError as e:
        raise Unclear(
            f"The partitions in the API's answer are malformed: {e}. Check that its version matches this "
            "command."
        ) from e


def _stuck(partition: _Partition) -> bool:
    return partition.waiting > 0 and partition.seconds_behind is None


def _rate(value: object) -> object:
    return f"{value:,.1f}" if isinstance(value, float) else value


def _show(screen: Screen, plant: _Plant) -> None:
    screen.table(
        ("worker", "#readings", "#per second", "partitions", "#sandboxes lost"),
        (
            (
                each.get("id"),
                each.get("readings"),
                _rate(each.get("rate")),
                " ".join(str(held.get("partition")) for held in each.get("holding", [])),
                each.get("sandbox_restarts"),
            )
            for each in plant.workers
        ),
    )
    waiting = sum(each.waiting for each in _partitions(plant.partitions))
    screen.say()
    screen.say(("waiting       ", "bold"), f"{waiting} readings")
    kinds = ", ".join(f"{count} {kind}" for kind, count in plant.dead_letters.get("kinds", {}).items())
    kept = f"{plant.dead_letters.get('kept')} of {plant.dead_letters.get('max')}"
    screen.say(("dead letters  ", "bold"), kept, f" ({kinds})" if kinds else "")
    machines: list[object] = [("machines      ", "bold")]
    for health, count in plant.machines.items():
        if count:
            more = " or more" if count >= _MANY else ""
            machines += [(f"{count}{more} {health}", STYLES[health]), "  "]
    screen.say(*machines)
