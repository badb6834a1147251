"""How the cluster campaign measures and reports; `make test-cluster` runs it."""

import time
from pathlib import Path

import pytest

from tests.chaos.hosts.campaign import Report, Without, read, table, write
from tests.chaos.hosts.page import NAME
from tests.chaos.hosts.service import Pauses

GROWING = Path(__file__).parents[2] / "docs" / "growing.md"


def test_the_longest_pause_of_any_client_counts() -> None:
    pauses = Pauses(["a", "b"])
    pauses.start()
    pauses.note("a")
    time.sleep(0.3)
    pauses.note("b")
    pauses.note("a")

    assert pauses.stop() == pytest.approx(0.3, abs=0.1)


def test_a_client_that_is_not_served_again_counts_until_the_end() -> None:
    pauses = Pauses(["a", "b"])
    pauses.start()
    time.sleep(0.2)
    pauses.note("a")
    time.sleep(0.2)
    pauses.note("a")

    assert pauses.stop() == pytest.approx(0.4, abs=0.1)


def test_the_pauses_before_the_start_do_not_count() -> None:
    pauses = Pauses(["a"])
    time.sleep(0.3)
    pauses.start()
    pauses.note("a")

    assert pauses.stop() < 0.1


def test_everyone_must_be_served_after_a_fault() -> None:
    pauses = Pauses(["a", "b"])
    pauses.start()
    pauses.note("a")
    pauses.note("b")
    pauses.await_all()
    pauses.note("b")

    assert pauses.missing == ["a"]


def test_the_table_has_the_median_and_the_worst_of_each_fault(tmp_path: Path) -> None:
    file = tmp_path / "cluster.json"
    write(
        Report(
            "make chaos CLUSTER=1",
            seed=1,
            without=[Without("broker killed", 12, each, each / 10, each / 100) for each in (1.0, 2.0, 9.0)],
        ),
        file,
    )

    assert "| broker killed | 3 | 2.0 | 9.0 | 0.2 | 0.9 | 0.0 | 0.1 |" in table(read(file)).splitlines()


def test_the_page_has_a_place_for_the_table() -> None:
    page = GROWING.read_text()

    assert page.count(f"<!-- {NAME}: begin -->") == page.count(f"<!-- {NAME}: end -->") == 1
