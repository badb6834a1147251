"""States that are read and edited over REST, also while readings arrive."""

from threading import Thread

import pytest

from tests.support.installation import Installation
from tests.support.logics import COUNT_AND_TELL
from tests.support.waiting import wait_until

#: Does not change the state.
ECHO = 'def process(data, state): return {"n": data["n"], "state": dict(state)}'

PATH = "/machines/m1/state"


@pytest.fixture
def plant(installation: Installation) -> Installation:
    """An installation with its API and one running worker."""
    installation.start_api()
    installation.start_worker()
    return installation


def send_and_wait(plant: Installation, *numbers: int) -> list[dict[str, object]]:
    """Send readings of m1. Return the data of their results."""
    with plant.collect() as results:
        plant.send(("m1", {"n": n}) for n in numbers)
        wait_until(lambda: len(results.messages) == len(numbers))
    return [event["data"] for event in results.events]


def test_the_next_reading_runs_on_a_replaced_state(plant: Installation) -> None:
    plant.upload("m1", COUNT_AND_TELL)
    send_and_wait(plant, 1)

    response = plant.client.put(PATH, json={"count": 100, "note": "set by hand"})

    assert response.status_code == 200, response.text
    assert response.json() == {"count": 100, "note": "set by hand"}
    assert send_and_wait(plant, 2) == [{"n": 2, "count": 101}]
    assert plant.state("m1") == {"count": 101, "note": "set by hand"}


def test_the_state_of_a_machine_with_a_logic_can_be_set_before_its_first_reading(plant: Installation) -> None:
    plant.upload("m1", COUNT_AND_TELL)

    assert plant.client.put(PATH, json={"count": 7}).status_code == 200

    assert send_and_wait(plant, 1) == [{"n": 1, "count": 8}]


def test_a_reset_empties_the_state_and_the_numbers_continue(plant: Installation) -> None:
    plant.upload("m1", COUNT_AND_TELL)
    send_and_wait(plant, 1, 2)

    assert plant.client.delete(PATH).status_code == 204

    assert plant.state("m1") == {}
    with plant.collect() as results:
        plant.send([("m1", {"n": 3})])
        wait_until(lambda: len(results.messages) == 1)
    assert [(event["id"], event["data"]["count"]) for event in results.events] == [("3", 1)]


def test_an_edit_is_refused_if_a_reading_has_changed_the_state(plant: Installation) -> None:
    plant.upload("m1", COUNT_AND_TELL)
    send_and_wait(plant, 1)
    tag = plant.client.get(PATH).headers["etag"]
    send_and_wait(plant, 2)

    edit = plant.client.put(PATH, json={"count": 100}, headers={"If-Match": tag})
    reset = plant.client.delete(PATH, headers={"If-Match": tag})

    assert (edit.status_code, reset.status_code) == (412, 412)
    assert edit.headers["content-type"].startswith("application/problem+json")
    assert plant.state("m1") == {"count": 2}


def test_an_edit_is_accepted_if_a_reading_left_the_state_equal(plant: Installation) -> None:
    plant.upload("m1", ECHO)
    plant.client.put(PATH, json={"limit": 90})
    tag = plant.client.get(PATH).headers["etag"]
    send_and_wait(plant, 1, 2)

    response = plant.client.put(PATH, json={"limit": 95}, headers={"If-Match": tag})

    assert response.status_code == 200, response.text
    assert response.headers["etag"] != tag
    assert plant.client.get(PATH).headers["etag"] == response.headers["etag"]


def test_any_of_several_tags_may_match_and_a_weak_tag_never_matches(plant: Installation) -> None:
    plant.upload("m1", ECHO)
    tag = plant.client.put(PATH, json={"a": 1}).headers["etag"]

    def put(if_match: str) -> int:
        return plant.client.put(PATH, json={"a": 1}, headers={"If-Match": if_match}).status_code

    assert put(f'"another", {tag}') == 200
    assert put("*") == 200
    assert put(f"W/{tag}") == 412
    assert put("nonsense") == 412


def test_edits_while_readings_arrive_lose_no_count_and_are_not_lost(plant: Installation) -> None:
    plant.upload("m1", COUNT_AND_TELL)
    send_and_wait(plant, 0)
    readings, edits, refused = 3_000, 0, 0

    with plant.collect() as results:
        sender = Thread(target=lambda: plant.send(("m1", {"n": n}) for n in range(1, readings)))
        sender.start()
        while sender.is_alive() or edits == 0:
            response = plant.client.get(PATH)
            state = response.json()
            state["edits"] = state.get("edits", 0) + 1
            tag = response.headers["etag"]
            answer = plant.client.put(PATH, json=state, headers={"If-Match": tag})
            assert answer.status_code in (200, 412), answer.text
            edits += answer.status_code == 200
            refused += answer.status_code == 412
        sender.join()
        wait_until(lambda: len(results.messages) == readings - 1)

    assert plant.state("m1") == {"count": readings, "edits": edits}
    assert [event["data"]["count"] for event in results.events] == list(range(2, readings + 1))
    assert refused > 0


#: Invalid states, with the status of the answer.
NO_STATES = [
    (b"", 400),
    (b"[1]", 400),
    (b'"text"', 400),
    (b"{'a': 1}", 400),
    (b'{"a": NaN}', 400),
    (b'{"a": 1e999}', 400),
    (b'{"a": "\xff"}', 400),
    (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400),
    (b'{"a": 36893488147419103232}', 422),
    (b'{"a": "\\u0000"}', 422),
    (b'{"a": ' + b"[" * 20 + b"]" * 20 + b"}", 422),
    (b'{"a": "' + b"x" * 70_000 + b'"}', 422),
]


def test_a_state_that_no_logic_could_leave_is_refused_and_changes_nothing(installation: Installation) -> None:
    installation.start_api()
    installation.upload("m1", COUNT_AND_TELL)
    installation.client.put(PATH, json={"count": 1})

    for body, status in NO_STATES:
        response = installation.client.put(PATH, content=body)

        assert response.status_code == status, response.text
        assert response.json()["status"] == status
        assert response.json()["detail"]
    assert installation.state("m1") == {"count": 1}


def test_an_unknown_machine_has_no_state_to_edit(installation: Installation) -> None:
    installation.start_api()

    assert installation.client.get(PATH).status_code == 404
    assert installation.client.put(PATH, json={}).status_code == 404
    assert installation.client.delete(PATH).status_code == 404
    assert installation.client.put("/machines/no such id!/state", json={}).status_code == 400
    assert installation.client.get("/machines").json()["machines"] == []
