"""Short cluster campaigns, by `make test-cluster`. `make chaos CLUSTER=1` runs many rounds of all faults.

With a safeguard removed, the campaign must detect it.
"""

import subprocess
import sys
from pathlib import Path

from tests.chaos.hosts.campaign import Report, read

SEED = "1"


def campaign(folder: Path, fault: str, *arguments: str, rounds: int = 1) -> Report:
    """Run rounds of a fault. Return the report, which the exit status must agree with."""
    report = folder / "cluster.json"
    command = [sys.executable, "-m", "tests.chaos", "cluster", "--report", str(report)]
    ended = subprocess.run([*command, "--rounds", str(rounds), "--seed", SEED, "--kinds", fault, *arguments])
    found = read(report)
    assert ended.returncode == (1 if found.breaches else 0)
    assert found.confirmed > 0
    assert found.changes > 0
    return found


def test_a_primary_that_is_cut_off_with_a_worker_loses_nothing(tmp_path: Path) -> None:
    found = campaign(tmp_path, "Redis primary cut off with a worker")

    assert found.breaches == []
    assert [each.kind for each in found.without] == ["Redis primary cut off with a worker"]


def test_without_copies_a_primary_that_is_cut_off_loses_readings_and_changes(tmp_path: Path) -> None:
    found = campaign(tmp_path, "Redis primary cut off from the others", "--replicas", "0")

    assert any("readings lost" in breach for breach in found.breaches), found.breaches
    assert any("is missing" in breach for breach in found.breaches), found.breaches


def test_without_the_fence_a_worker_that_was_frozen_counts_readings_twice(tmp_path: Path) -> None:
    # A round may miss the moment.
    found = campaign(tmp_path, "worker frozen", "--module", "tests.chaos.sabotage.no_fence", rounds=3)

    assert any("readings double" in breach for breach in found.breaches), found.breaches
