"""One machine with an endless logic, among a hundred machines that all send."""

from tests.support.installation import Installation
from tests.support.logics import COUNT_AND_TELL
from tests.support.waiting import wait_until

MACHINES, EACH = 100, 40

ENDLESS = "def process(data, state):\n    while True:\n        pass\n"


def test_an_endless_logic_does_not_prevent_the_results_of_other_machines(installation: Installation) -> None:
    installation.start_api()
    for place in range(MACHINES):
        installation.upload(f"m{place}", COUNT_AND_TELL if place else ENDLESS)
    installation.start_worker()

    with installation.collect() as results:
        installation.send((f"m{place}", {"n": n}) for n in range(EACH) for place in range(MACHINES))
        wait_until(lambda: len(results.messages) >= (MACHINES - 1) * EACH, timeout=60)
        letters = installation.wait_for_dead_letters(EACH)

    machines = results.by_machine()
    assert set(machines) == {f"m{place}" for place in range(1, MACHINES)}
    for events in machines.values():
        assert [event["data"] for event in events] == [{"n": n, "count": n + 1} for n in range(EACH)]
    assert len(letters) == EACH
    assert {headers["machine"] for headers, _ in letters} == {"m0"}
    assert {headers["kind"] for headers, _ in letters} == {"limit", "quarantined"}
    assert installation.client.get("/machines/m0").json()["quarantined"] is True

    assert installation.client.delete("/machines/m0/quarantine").status_code == 204
    assert installation.client.get("/machines/m0").json()["quarantined"] is False
    assert installation.client.delete("/machines/m0/quarantine").status_code == 404
