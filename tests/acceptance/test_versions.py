"""Versions of logic over REST, with the real API and a worker: none is lost, and none is deployed unnoticed.

The tests run for the versions of a machine, and for those of a profile that another machine follows.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Each test has its own machine.
_numbers = count(1)

#: The number of times that two authors upload at the same moment.
RACES = 200


def logic(number: int) -> str:
    """Return a different source for each number; its results contain the number."""
    return f"def process(data, state):\n    return {{'logic': {number}, 'n': data['n']}}\n"


@pytest.fixture
def machine() -> str:
    """Return the id of a machine that no other test uses."""
    return f"m{next(_numbers)}"


@pytest.fixture(params=["machine", "profile"])
def path(request: pytest.FixtureRequest, plant: Installation, machine: str) -> str:
    """Return the path of the logic that the machine runs: its own, or that of its profile."""
    if request.param == "machine":
        return f"/machines/{machine}/logic"
    profile = f"/profiles/p-{machine}"
    plant.client.put(profile).raise_for_status()
    followed = plant.client.put(f"/machines/{machine}/profile", json={"profile": f"p-{machine}"})
    followed.raise_for_status()
    return f"{profile}/logic"


def upload(plant: Installation, path: str, source: str) -> int:
    """Upload a logic. Return its version."""
    response = plant.client.post(path, json={"logic": source})
    assert response.status_code == 201, response.text
    version: int = response.json()["version"]
    return version


def result(plant: Installation, machine: str, n: int) -> Any:
    """Return a machine's result for a reading."""
    with plant.collect() as results:
        plant.send([(machine, {"n": n})])
        wait_until(lambda: len(results.messages) == 1)
    return results.events[0]


def test_each_upload_is_a_version_that_can_be_read_compared_and_deployed_again(
    plant: Installation, machine: str, path: str
) -> None:
    upload(plant, path, logic(1))
    second = plant.client.put(path, json={"logic": logic(2), "comment": "better"})
    assert (second.status_code, second.json()["version"]) == (200, 2)

    listed = plant.client.get(f"{path}/versions").json()
    whole = plant.client.get(f"{path}/versions/1").json()
    diff = plant.client.get(f"{path}/versions/1/diff", params={"to": 2})

    assert [(each["version"], each["comment"], each["in_force"]) for each in listed["versions"]] == [
        (2, "better", True),
        (1, None, False),
    ]
    assert listed["next"] is None
    assert (whole["logic"], whole["author"], whole["in_force"]) == (logic(1), "", False)
    assert diff.headers["content-type"].startswith("text/x-diff")
    assert "-    return {'logic': 1, 'n': data['n']}\n+    return {'logic': 2, 'n': data['n']}\n" in diff.text
    assert result(plant, machine, 1)["data"] == {"logic": 2, "n": 1}

    back = plant.client.post(f"{path}/versions/1/activate")

    assert (back.status_code, back.json()["version"]) == (200, 1)
    event = result(plant, machine, 2)
    assert (event["data"], event["logicversion"]) == ({"logic": 1, "n": 2}, 1)


def test_the_previously_deployed_version_is_known(plant: Installation, path: str) -> None:
    def in_force() -> tuple[int, int | None]:
        logic_in_force = plant.client.get(path).json()
        return logic_in_force["version"], logic_in_force["previous"]

    seen = [(upload(plant, path, logic(number)), in_force())[1] for number in (1, 2, 2, 1, 3)]
    plant.client.post(f"{path}/versions/2/activate")
    activated = in_force()
    plant.client.delete(path)
    upload(plant, path, logic(3))

    assert seen == [(1, None), (2, 1), (2, 1), (1, 2), (3, 1)]
    assert (activated, in_force()) == ((2, 3), (3, 2))


def test_the_list_of_versions_has_pages(plant: Installation, path: str) -> None:
    for number in range(1, 6):
        upload(plant, path, logic(number))

    pages, before = list[list[int]](), dict[str, int]()
    while True:
        page = plant.client.get(f"{path}/versions", params={"limit": 2, **before}).json()
        pages.append([each["version"] for each in page["versions"]])
        if page["next"] is None:
            break
        before = {"before": page["next"]}

    assert pages == [[5, 4], [3, 2], [1]]


def test_the_same_source_again_is_not_a_new_version_but_is_deployed_again(
    plant: Installation, path: str
) -> None:
    assert [upload(plant, path, logic(number)) for number in (1, 1, 2, 1, 3, 2)] == [1, 1, 2, 1, 3, 2]

    assert plant.client.get(path).json()["version"] == 2
    assert plant.client.get(f"{path}/versions").json()["versions"][0]["version"] == 3


def test_a_change_is_refused_if_the_version_has_changed_since_it_was_read(
    plant: Installation, path: str
) -> None:
    upload(plant, path, logic(1))
    read = plant.client.get(path).headers["ETag"]
    upload(plant, path, logic(2))

    for method, changed, body in (
        ("PUT", path, {"logic": logic(3)}),
        ("POST", path, {"logic": logic(3)}),
        ("POST", f"{path}/versions/1/activate", None),
        ("DELETE", path, None),
    ):
        for tag in (read, f"W/{plant.client.get(path).headers['ETag']}", '"x"'):
            response = plant.client.request(method, changed, json=body, headers={"If-Match": tag})
            assert response.status_code == 412, (method, changed, tag)
            assert response.headers["content-type"].startswith("application/problem+json")

    assert plant.client.get(path).json()["version"] == 2
    assert len(plant.client.get(f"{path}/versions").json()["versions"]) == 2
    fresh = {"If-Match": plant.client.get(path).headers["ETag"]}
    assert plant.client.put(path, json={"logic": logic(3)}, headers=fresh).status_code == 200


def test_an_upload_can_be_conditional_on_being_the_first_version(plant: Installation, path: str) -> None:
    first = plant.client.put(path, json={"logic": logic(1)}, headers={"If-None-Match": "*"})
    tag = first.headers["ETag"]

    assert first.status_code == 200
    for excluded in ("*", tag, f"W/{tag}", f'"x", {tag}'):
        response = plant.client.put(path, json={"logic": logic(2)}, headers={"If-None-Match": excluded})
        assert response.status_code == 412, excluded
    assert plant.client.get(path).json()["version"] == 1
    other = plant.client.put(path, json={"logic": logic(2)}, headers={"If-None-Match": '"x"'})
    assert other.status_code == 200


def test_two_authors_who_push_at_once_lose_no_version_and_each_conflict_is_reported(
    plant: Installation, path: str
) -> None:
    upload(plant, path, logic(0))

    def push(number: int, tag: str) -> int:
        headers = {"If-Match": tag}
        return plant.client.put(path, json={"logic": logic(number)}, headers=headers).status_code

    accepted = [0]
    with ThreadPoolExecutor(2) as authors:
        for race in range(RACES if path.startswith("/machines") else 20):
            tag = plant.client.get(path).headers["ETag"]
            numbers = [2 * race + 1, 2 * race + 2]
            statuses = list(authors.map(push, numbers, [tag, tag]))
            assert sorted(statuses) == [200, 412]
            accepted.append(numbers[statuses.index(200)])

    assert_versions(plant, path, accepted)


def test_two_authors_who_push_unconditionally_lose_no_version_either(plant: Installation, path: str) -> None:
    def push(number: int) -> int:
        return upload(plant, path, logic(number))

    with ThreadPoolExecutor(2) as authors:
        numbers = list(authors.map(push, range(30)))

    by_version = dict(zip(numbers, range(30), strict=True))
    assert_versions(plant, path, [by_version[version] for version in range(1, 31)])


def assert_versions(plant: Installation, path: str, expected: list[int]) -> None:
    """Check that the versions are these, in this order, each complete, and only the last one is deployed."""
    page = plant.client.get(f"{path}/versions", params={"limit": 1000}).json()["versions"][::-1]
    assert [each["version"] for each in page] == list(range(1, len(expected) + 1))
    assert [each["version"] for each in page if each["in_force"]] == [len(expected)]
    sources = [plant.client.get(f"{path}/versions/{each['version']}").json()["logic"] for each in page]
    assert sources == [logic(number) for number in expected]


def test_a_deleted_logic_does_not_run_and_its_versions_stay(
    plant: Installation, machine: str, path: str
) -> None:
    upload(plant, path, logic(1))

    assert plant.client.delete(path).status_code == 204

    assert plant.client.get(path).status_code == 404
    assert plant.client.delete(path).status_code == 404
    plant.send([(machine, {"n": 1})])
    wait_until(lambda: plant.dead_letters(machine=machine, kind="no-logic"))
    assert upload(plant, path, logic(2)) == 2
    assert plant.client.post(f"{path}/versions/1/activate").json()["version"] == 1
    assert result(plant, machine, 2)["data"] == {"logic": 1, "n": 2}


def test_the_readings_of_a_paused_machine_are_kept_and_processed_in_order_when_it_is_resumed(
    plant: Installation, machine: str
) -> None:
    plant.upload(
        machine, "def process(data, state):\n    state['seen'] = [*state.get('seen', []), data['n']]\n"
    )

    paused = plant.client.post(f"/machines/{machine}/pause")
    plant.send((machine, {"n": n}) for n in range(50))
    wait_until(lambda: plant.client.get(f"/machines/{machine}").json()["readings"] == 50)

    assert paused.json() == {"machine": machine, "paused": True, "sent": 0, "waiting": 0}
    assert plant.client.get(f"/machines/{machine}").json()["paused"]
    assert plant.state(machine) == {}

    resumed = plant.client.post(f"/machines/{machine}/resume", json={"redrive": True})

    assert resumed.status_code == 200
    assert resumed.json() == {"machine": machine, "paused": False, "sent": 50, "waiting": 0}
    wait_until(lambda: len(plant.state(machine).get("seen", [])) == 50)
    assert plant.state(machine) == {"seen": list(range(50))}
    assert plant.dead_letters(machine=machine) == []
    again = plant.client.post(f"/machines/{machine}/resume", json={"redrive": True})
    assert again.json() == {"machine": machine, "paused": False, "sent": 0, "waiting": 0}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/machines/none/logic", 404),
        ("GET", "/machines/none/logic/versions", 404),
        ("GET", "/machines/none/logic/versions/1", 404),
        ("GET", "/machines/none/logic/versions/0", 404),
        ("GET", "/machines/none/logic/versions/x", 404),
        ("GET", "/machines/none/logic/versions/1/diff", 400),
        ("GET", "/machines/none/logic/versions/1/diff?to=2", 404),
        ("POST", "/machines/none/logic/versions/99999999999999999999/activate", 404),
        ("POST", "/machines/none/pause", 404),
        ("POST", "/machines/a.b/pause", 400),
    ],
)
def test_a_missing_resource_is_answered_with_problem_details(
    plant: Installation, method: str, path: str, status: int
) -> None:
    response = plant.client.request(method, path)

    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
