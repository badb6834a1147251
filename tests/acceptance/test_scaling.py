"""Workers join and leave under load: partitions follow, no reading is lost or repeated, REST is right."""

from threading import Event, Thread
from typing import Any

from tests.support.installation import Command, Installation
from tests.support.logics import CHECK_ORDER, COUNT, slow
from tests.support.waiting import wait_until

MACHINES = 40


def partitions(plant: Installation) -> list[dict[str, Any]]:
    response = plant.client.get("/partitions")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["partitions"]
    return found


def settled(plant: Installation, workers: int) -> bool:
    """Return whether there are this many workers, and each partition is held only by its assigned worker."""
    there = {worker["id"] for worker in plant.client.get("/workers").json()["workers"]}
    owners = [each["assigned_to"] for each in partitions(plant)]
    return (
        len(there) == workers
        and set(owners) == there
        and all(each["held_by"] == [each["assigned_to"]] for each in partitions(plant))
    )


def states(plant: Installation) -> list[dict[str, Any]]:
    return [plant.state(f"m{place}") for place in range(MACHINES)]


class Stream(Thread):
    """Numbers each machine's readings and sends them, confirmed, until it is stopped."""

    def __init__(self, plant: Installation) -> None:
        super().__init__()
        self._plant = plant
        self._stopping = Event()
        self.sent = 0

    def run(self) -> None:
        while not self._stopping.wait(0.02):
            n = self.sent
            self._plant.send((f"m{place}", {"n": n}) for place in range(MACHINES))
            self.sent += 1

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def test_partitions_follow_one_two_three_and_one_workers_under_load(installation: Installation) -> None:
    installation.start_api()
    for place in range(MACHINES):
        installation.upload(f"m{place}", CHECK_ORDER)
    stream = Stream(installation)
    stream.start()
    workers = list[Command]()
    for count in (1, 2, 3):
        workers.append(installation.start_worker())
        wait_until(lambda count=count: settled(installation, count), timeout=60)  # type: ignore[misc]
    workers[0].stop()
    wait_until(lambda: settled(installation, 2), timeout=60)
    workers[1].kill()
    wait_until(lambda: settled(installation, 1), timeout=60)
    stream.stop()
    expected = {"count": stream.sent, "last": stream.sent - 1}
    wait_until(
        lambda: sum(each["count"] for each in states(installation)) >= stream.sent * MACHINES, timeout=60
    )

    assert states(installation) == [expected] * MACHINES

    assert installation.dead_letters() == []


def test_equal_readings_are_all_counted_while_partitions_move(installation: Installation) -> None:
    """The readings are equal, and many wait in one worker when their partition moves to the next."""
    installation.start_api()
    for place in range(MACHINES):
        installation.upload(f"m{place}", slow(COUNT, 8_000))
    first = installation.start_worker()
    wait_until(lambda: settled(installation, 1), timeout=60)
    for workers in (2, 3):
        installation.send((f"m{place}", {"signal": 1}) for _ in range(200) for place in range(MACHINES))
        installation.start_worker()
        wait_until(lambda workers=workers: settled(installation, workers), timeout=60)  # type: ignore[misc]
    first.stop()
    wait_until(lambda: settled(installation, 2), timeout=60)
    wait_until(lambda: all(each["ready"] + each["held"] == 0 for each in partitions(installation)))

    assert states(installation) == [{"count": 400}] * MACHINES


def test_without_workers_the_waiting_readings_are_counted(installation: Installation) -> None:
    installation.start_api()

    installation.send((f"m{place}", {"n": 0}) for place in range(MACHINES))

    assert installation.client.get("/workers").json() == {"workers": [], "vanished": [], "next": None}
    assert sum(each["ready"] for each in partitions(installation)) == MACHINES
    assert {each["assigned_to"] for each in partitions(installation)} == {None}
    assert any(each["seconds_behind"] is None for each in partitions(installation))
    queues = installation.client.get("/queues").json()["queues"]
    assert sum(each["ready"] for each in queues if each["kind"] == "readings") == MACHINES
    assert {each["consumers"] for each in queues if each["kind"] == "readings"} == {0}
