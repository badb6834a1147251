"""Configs over REST, with the real API and a worker: their versions, their differences, and going back.

Most tests run for the config of a machine, and for that of a profile that the machine follows.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx
import msgspec
import pytest
import redis

from pipeline.model.deployment import Deployment
from pipeline.store.configs import VERSIONS
from pipeline.store.keys import OwnerKind, configs_key, deployment_key
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Each test has its own machine.
_numbers = count(1)

#: The number of times that two people save at the same moment.
RACES = 100

LIMITED = "def process(data, state):\n    return {'limit': config.get('limit')}\n"


class Config:
    """The config of one owner over REST."""

    def __init__(self, plant: Installation, owner: str) -> None:
        self.plant, self.path = plant, f"{owner}/config"

    def put(self, config: dict[str, Any], tag: str | None = None, **query: Any) -> httpx.Response:
        """Save a config, if it still has this tag."""
        headers = {"If-Match": tag} if tag else {}
        return self.plant.client.put(self.path, json=config, headers=headers, params=query)

    def restore(self, number: int, tag: str | None = None, **query: Any) -> httpx.Response:
        """Restore a version, if the config still has this tag."""
        headers = {"If-Match": tag} if tag else {}
        return self.plant.client.post(f"{self.path}/versions/{number}/restore", headers=headers, params=query)

    def get(self, rest: str = "", **query: Any) -> Any:
        """Read the config, or something below it."""
        answer = self.plant.client.get(f"{self.path}{rest}", params=query)
        answer.raise_for_status()
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.text

    def numbers(self, **query: Any) -> list[int]:
        """Return the numbers of the versions on a page."""
        return [each["version"] for each in self.get("/versions", **query)["versions"]]


@pytest.fixture
def machine() -> str:
    """Return the id of a machine that no other test uses."""
    return f"c{next(_numbers)}"


@pytest.fixture(params=["machine", "profile"])
def kind(request: pytest.FixtureRequest) -> OwnerKind:
    kind: OwnerKind = request.param
    return kind


@pytest.fixture
def config(plant: Installation, machine: str, kind: OwnerKind) -> Config:
    """Return a config that applies to the machine: its own, or that of its profile, which has its name."""
    if kind == "machine":
        return Config(plant, f"/machines/{machine}")
    follow(plant, machine)
    return Config(plant, f"/profiles/{machine}")


def follow(plant: Installation, machine: str) -> None:
    """Let a machine follow a profile of the same name."""
    plant.client.put(f"/profiles/{machine}").raise_for_status()
    plant.client.put(f"/machines/{machine}/profile", json={"profile": machine}).raise_for_status()


def result(plant: Installation, machine: str) -> Any:
    """Return a machine's result for a reading."""
    with plant.collect() as results:
        plant.send([(machine, {"n": 1})])
        wait_until(lambda: len(results.messages) == 1)
    return results.events[0]["data"]


def test_each_change_is_a_version_with_a_comment(config: Config) -> None:
    config.put({"limit": 80}).raise_for_status()
    config.put({"limit": 90}, comment="Hot weather").raise_for_status()
    again = config.put({"limit": 90}, comment="The same").raise_for_status()

    listed = config.get("/versions")["versions"]
    assert [(each["version"], each["comment"], each["in_force"]) for each in listed] == [
        (2, "Hot weather", True),
        (1, None, False),
    ]
    assert [each["author"] for each in listed] == ["", ""]
    assert listed[0]["time"].endswith("Z")
    assert config.get("/versions/1")["config"] == {"limit": 80}
    assert again.json() == config.get() == config.get("/versions/2")["config"] == {"limit": 90}
    assert config.put({}, comment="x" * 501).status_code == 400
    assert config.plant.client.get(f"{config.path}/versions/3").status_code == 404


def test_two_versions_are_compared_line_by_line(config: Config) -> None:
    config.put({"unit": "bar", "limit": 80}).raise_for_status()
    config.put({"limit": 90, "unit": "bar"}).raise_for_status()
    lines = config.get("/versions/1/diff", to=2).splitlines()

    # The order of the keys is no difference.
    assert lines[2:] == [
        "@@ -1,4 +1,4 @@",
        " {",
        '-  "limit": 80,',
        '+  "limit": 90,',
        '   "unit": "bar"',
        " }",
    ]
    assert config.get("/versions/2/diff", to=2) == ""
    assert config.plant.client.get(f"{config.path}/versions/1/diff", params={"to": 9}).status_code == 404


def test_a_config_is_compared_before_it_is_saved(config: Config) -> None:
    compare = f"{config.path}/diff"
    assert config.plant.client.post(compare, json={}).text == ""
    config.put({"limit": 80}).raise_for_status()
    answer = config.plant.client.post(compare, json={"limit": 80.5}).raise_for_status()

    assert answer.text.splitlines()[-3:] == ['-  "limit": 80', '+  "limit": 80.5', " }"]
    assert config.plant.client.post(compare, json={"limit": 80}).text == ""
    assert config.plant.client.post(compare, content=b"[]").status_code == 400
    assert (config.get(), config.numbers()) == ({"limit": 80}, [1])


def test_an_earlier_config_is_restored_as_a_new_version(
    plant: Installation, machine: str, config: Config
) -> None:
    plant.upload(machine, LIMITED)
    config.put({"limit": 80}).raise_for_status()
    tag = config.put({"limit": 90}).raise_for_status().headers["ETag"]
    restored = config.restore(1, tag).raise_for_status()
    lost = config.restore(2, tag)

    assert result(plant, machine) == {"limit": 80}
    assert restored.json() == config.get() == {"limit": 80}
    assert (lost.status_code, config.restore(9).status_code) == (412, 404)
    config.restore(2, comment="Hot again").raise_for_status()
    listed = config.get("/versions")["versions"]
    assert [(each["version"], each["comment"]) for each in listed[:2]] == [
        (4, "Hot again"),
        (3, "Restored version 1"),
    ]


def test_the_last_versions_are_kept(config: Config) -> None:
    for number in range(1, VERSIONS + 4):
        config.put({"limit": number}).raise_for_status()

    assert config.numbers() == list(range(VERSIONS + 3, 3, -1))
    page = config.get("/versions", limit=10)
    assert (page["versions"][-1]["version"], page["next"]) == (VERSIONS - 6, VERSIONS - 6)
    assert config.numbers(before=page["next"], limit=2) == [VERSIONS - 7, VERSIONS - 8]
    assert config.get("/versions", before=5)["next"] is None
    assert config.plant.client.get(f"{config.path}/versions/3").status_code == 404
    assert config.get("/versions/4")["config"] == {"limit": 4}


def test_a_config_of_an_earlier_release_becomes_the_first_version(
    plant: Installation, machine: str, kind: OwnerKind, config: Config
) -> None:
    earlier = Deployment(config=b'{"limit":70}')
    with redis.Redis.from_url(plant.redis_url) as client:
        client.set(deployment_key(machine, kind), msgspec.msgpack.encode(earlier))
    assert config.numbers() == []
    config.put({"limit": 80}).raise_for_status()

    first = config.get("/versions/1")
    assert (config.numbers(), first["config"]) == ([2, 1], {"limit": 70})
    assert first["comment"] == "Set before versions of configs were kept"


def test_of_two_who_save_at_once_one_is_refused(config: Config) -> None:
    tag = config.put({"n": -1}).raise_for_status().headers["ETag"]
    with ThreadPoolExecutor(2) as pool:
        for n in range(RACES):
            answers = list(pool.map(lambda who, n=n, tag=tag: config.put({"n": n, "who": who}, tag), "ab"))
            assert sorted(each.status_code for each in answers) == [200, 412]
            [saved] = [each for each in answers if each.is_success]
            assert config.get() == saved.json()
            tag = saved.headers["ETag"]

    assert config.numbers()[0] == RACES + 1


def test_a_deleted_machine_or_profile_leaves_no_version(
    plant: Installation, machine: str, kind: OwnerKind, config: Config
) -> None:
    config.put({"limit": 80}).raise_for_status()
    plant.client.delete(f"/machines/{machine}").raise_for_status()
    if kind == "profile":
        plant.client.delete(f"/profiles/{machine}").raise_for_status()

    with redis.Redis.from_url(plant.redis_url) as client:
        assert not client.exists(configs_key(machine, kind))
    assert plant.client.get(f"{config.path}/versions").status_code == 404
    config.put({"limit": 90}).raise_for_status()
    assert config.numbers() == [1]


def test_the_config_of_a_machine_lies_over_the_one_of_its_profile(plant: Installation, machine: str) -> None:
    own, profile = Config(plant, f"/machines/{machine}"), Config(plant, f"/profiles/{machine}")
    plant.upload(machine, "def process(data, state):\n    return dict(config)\n")
    own.put({"limit": 80, "deep": {"a": 1}}).raise_for_status()
    profile.put({"unit": "bar", "limit": 90, "deep": {"b": 2}}).raise_for_status()
    assert own.get("/effective") == {
        "machine": machine,
        "profile": None,
        "config": {"limit": 80, "deep": {"a": 1}},
        "inherited": [],
        "replaced": [],
    }
    follow(plant, machine)

    both = {"unit": "bar", "limit": 80, "deep": {"a": 1}}
    assert own.get("/effective") == {
        "machine": machine,
        "profile": machine,
        "config": both,
        "inherited": ["unit"],
        "replaced": ["limit", "deep"],
    }
    assert own.get() == {"limit": 80, "deep": {"a": 1}}
    assert result(plant, machine) == both
    tried = plant.client.post(f"/machines/{machine}/logic/test", json={}).raise_for_status().json()
    assert tried["config"] == both
    assert [each["results"] for each in tried["readings"]] == [[both]]

    # A change of the profile applies to the machine, and what the machine gives up comes from the profile.
    profile.put({"unit": "psi", "limit": 95}).raise_for_status()
    own.put({}).raise_for_status()
    assert result(plant, machine) == own.get("/effective")["config"] == {"unit": "psi", "limit": 95}
    plant.client.delete(f"/machines/{machine}/profile").raise_for_status()
    assert result(plant, machine) == {}


def test_the_config_of_a_profile_that_does_not_exist_creates_it(plant: Installation, machine: str) -> None:
    profile = Config(plant, f"/profiles/{machine}")
    assert plant.client.get(profile.path).status_code == 404
    assert plant.client.get(f"{profile.path}/versions").status_code == 404
    profile.put({"limit": 80}).raise_for_status()

    assert plant.client.get(f"/profiles/{machine}").status_code == 200
    assert (profile.get(), profile.numbers()) == ({"limit": 80}, [1])
