"""Examples of a logic: the API runs them before it accepts the logic, and stores them with the version."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation

COUNTER = """
def process(data, state):
    state["count"] = state.get("count", 0) + data["n"]
    return {"count": state["count"]}
"""
EXAMPLES = [
    {
        "name": "counts on",
        "state": {"count": 1},
        "readings": [{"n": 2}, {}],
        "results": [{"count": 3}, {"error": "n"}],
        "state_after": {"count": 3},
    }
]
OTHERS = [{"name": "counts from zero", "readings": [{"n": 2}], "results": [{"count": 2}]}]


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    module_installation.start_api()
    return module_installation


@pytest.fixture
def machine(numbers: Iterator[int]) -> str:
    return f"m{next(numbers)}"


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(1)


def upload(plant: Installation, machine: str, logic: str, examples: Any) -> httpx.Response:
    return plant.client.post(f"/machines/{machine}/logic", json={"logic": logic, "examples": examples})


def version_of(response: httpx.Response) -> int:
    assert response.status_code == 201, response.text
    version: int = response.json()["version"]
    return version


def test_examples_that_pass_are_stored_with_the_version(plant: Installation, machine: str) -> None:
    assert version_of(upload(plant, machine, COUNTER, EXAMPLES)) == 1

    assert plant.client.get(f"/machines/{machine}/logic").json()["examples"] == EXAMPLES
    assert plant.client.get(f"/machines/{machine}/logic/versions/1").json()["examples"] == EXAMPLES


def test_an_example_that_fails_refuses_the_logic_and_shows_expected_and_actual(
    plant: Installation, machine: str
) -> None:
    plant.upload(machine, COUNTER)

    refused = upload(plant, machine, COUNTER.replace("+ data", "- data"), [*OTHERS, *EXAMPLES])

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert "2 of its examples fail" in problem["detail"]
    first, second, third = problem["examples"]
    assert (first["example"], first["reading"]) == ("counts from zero", 1)
    assert (first["expected"], first["got"]) == ({"count": 2}, {"count": -2})
    assert "at $.count: expected 2, got -2" in first["message"]
    assert (second["example"], second["reading"], second["got"]) == ("counts on", 1, {"count": -1})
    assert (third["reading"], third["expected"], third["got"]) == (None, {"count": 3}, {"count": -1})
    in_force = plant.client.get(f"/machines/{machine}/logic").json()
    assert (in_force["version"], in_force["logic"], in_force["examples"]) == (1, COUNTER, [])


def test_a_version_is_a_source_with_its_examples(plant: Installation, machine: str) -> None:
    bare, with_examples, with_others = (
        version_of(upload(plant, machine, COUNTER, examples)) for examples in ([], EXAMPLES, OTHERS)
    )
    again = version_of(upload(plant, machine, COUNTER, EXAMPLES))
    last = plant.upload(machine, COUNTER)

    assert (bare, with_examples, with_others) == (1, 2, 3)
    assert again == 2
    assert last == 3
    assert version_of(upload(plant, machine, COUNTER, [])) == 1
    assert version_of(upload(plant, machine, COUNTER, OTHERS)) == 3
    assert plant.client.get(f"/machines/{machine}/logic").json()["examples"] == OTHERS


def test_rolling_back_restores_the_examples(plant: Installation, machine: str) -> None:
    version_of(upload(plant, machine, COUNTER, EXAMPLES))
    version_of(upload(plant, machine, COUNTER, OTHERS))

    plant.client.post(f"/machines/{machine}/logic/versions/1/activate").raise_for_status()

    assert plant.client.get(f"/machines/{machine}/logic").json()["examples"] == EXAMPLES


def test_a_profiles_logic_has_examples_too(plant: Installation) -> None:
    path = "/profiles/counters/logic"
    wrong = plant.client.put(path, json={"logic": "def process(data, state): return", "examples": OTHERS})
    right = plant.client.put(path, json={"logic": COUNTER, "examples": OTHERS})

    assert (wrong.status_code, len(wrong.json()["examples"])) == (422, 1)
    assert right.status_code == 200
    assert plant.client.get(path).json()["examples"] == OTHERS


def test_validating_runs_the_examples_too(plant: Installation) -> None:
    def validate(**body: Any) -> Any:
        return plant.client.post("/logic/validate", json=body).raise_for_status().json()

    good = validate(logic=COUNTER, examples=EXAMPLES)
    bad = validate(logic=COUNTER, examples=[{**OTHERS[0], "results": [None]}])

    assert good == {"accepted": True, "errors": [], "examples": [], "notes": []}
    assert not bad["accepted"]
    assert [each["got"] for each in bad["examples"]] == [{"count": 2}]


@pytest.mark.parametrize(
    ("examples", "status"),
    [
        ([{"name": "two results for one reading", "readings": [1], "results": [None, None]}], 422),
        ([{"name": "misspelt", "reading": [1]}], 400),
        ([{"name": "none"}] * 101, 400),
        ([{"name": "long", "readings": ["x" * 300_000]}], 422),
        ([*OTHERS, *OTHERS], 422),
    ],
)
def test_invalid_examples_are_refused(plant: Installation, machine: str, examples: Any, status: int) -> None:
    response = upload(plant, machine, COUNTER, examples)

    assert response.status_code == status
    assert plant.client.get(f"/machines/{machine}/logic").status_code == 404


def test_examples_of_an_endless_logic_end(plant: Installation, machine: str) -> None:
    endless = "def process(data, state):\n    while True:\n        pass\n"

    refused = upload(plant, machine, endless, [{"name": "ends", "readings": [1] * 20}])

    assert refused.status_code == 422
    assert refused.json()["examples"][-1]["message"].startswith("The reading was not run.")
