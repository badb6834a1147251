"""Duplicates of a device while workers are killed. (Other tests of duplicates share a running worker.)"""

from functools import partial

from tests.acceptance.test_duplicates import COUNT, seen, send
from tests.support.installation import Installation
from tests.support.waiting import wait_until


def is_past(plant: Installation, before: tuple[int, int]) -> bool:
    return seen(plant, "d4") != before


def test_a_worker_that_is_killed_runs_no_duplicate_and_no_reading_twice(installation: Installation) -> None:
    plant = installation
    plant.start_api()
    plant.upload("d4", COUNT)
    plant.client.put("/machines/d4/settings", json={"duplicates": {"readings": 1000}}).raise_for_status()
    workers = [plant.start_worker()]
    count = 1500
    with plant.collect() as results:
        for start in range(0, count, 300):
            # Each reading is sent twice: in its part, and in the next one.
            part = range(max(0, start - 300), start + 300)
            before = seen(plant, "d4")
            send(plant, "d4", *(({"seq": seq}, str(seq)) for seq in part))
            wait_until(partial(is_past, plant, before), timeout=60)
            workers.pop().kill()
            workers.append(plant.start_worker())
        send(plant, "d4", ({"seq": "last"}, "last"))
        wait_until(lambda: seen(plant, "d4")[0] == count + 1, timeout=120)
        wait_until(lambda: len({each["id"] for each in results.events}) == count + 1)

    ids = list(dict.fromkeys(each["id"] for each in results.events))
    assert ids == [str(number) for number in range(1, count + 2)]
    assert plant.state("d4") == {"n": count + 1}
    # Not how many: what a killed worker held comes again, and may be counted again.
    assert seen(plant, "d4")[1] > 0
