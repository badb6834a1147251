"""The rules of `pipeline.store.profiles`: in every race, a machine never follows a deleted profile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import redis

from pipeline.store.deployments import MachineDeployments, ProfileDeployments
from pipeline.store.keys import profile_machines_key
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Records
from pipeline.store.versions import LogicStore

#: The number of times that each race is repeated.
ROUNDS = 30


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def make(client: "redis.Redis", setups: type[MachineDeployments] = MachineDeployments) -> ProfileStore:
    return ProfileStore(client, setups(client), Records(client))


def follows(client: "redis.Redis", machine: str) -> str | None:
    return MachineDeployments(client).read(machine).profile


def members(client: "redis.Redis", name: str) -> set[bytes]:
    found: set[bytes] = client.smembers(profile_machines_key(name))  # type: ignore[assignment]
    return found


def test_a_machine_that_changes_its_profile_is_counted_with_the_new_one(client: "redis.Redis") -> None:
    profiles = make(client)
    profiles.make("a")
    profiles.make("b")
    profiles.follow("m1", "a")
    profiles.follow("m2", "a")

    before = profiles.follow("m1", "b")

    assert before is not None
    assert before.profile == "a"
    assert {name: count for name, (_, count) in profiles.read(["a", "b", "c"]).items()} == {"a": 1, "b": 1}
    assert profiles.follow("m1", None) is not None
    assert profiles.follow("m1", "c") is None
    assert (follows(client, "m1"), members(client, "b"), members(client, "c")) == (None, set(), set())


def test_a_machine_that_joins_a_profile_during_its_deletion_follows_it_or_gets_an_error(
    client: "redis.Redis",
) -> None:
    ends = set[tuple[bool, bool]]()
    with ThreadPoolExecutor(2) as both:
        for number in range(ROUNDS):
            name, profiles, start = f"p{number}", make(client), Barrier(2)
            profiles.make(name)

            def join(name: str = name, profiles: ProfileStore = profiles, start: Barrier = start) -> bool:
                start.wait()
                return profiles.follow("m1", name) is not None

            def delete(name: str = name, profiles: ProfileStore = profiles, start: Barrier = start) -> bool:
                start.wait()
                return profiles.delete(name) == (True, 0)

            joined, deleted = (future.result() for future in (both.submit(join), both.submit(delete)))
            ends.add((joined, deleted))
            assert joined != deleted
            assert (name in profiles.read([name])) is joined
            assert (follows(client, "m1") == name) is joined
            assert (name in profiles.names("", 1_000)) is joined
            assert (members(client, name) == {b"m1"}) is joined
    assert ends <= {(True, False), (False, True)}


def test_a_machine_that_is_moved_twice_at_once_is_counted_once(client: "redis.Redis") -> None:
    profiles = make(client)
    names = ["a", "b", "c", "d"]
    for name in names:
        profiles.make(name)
    with ThreadPoolExecutor(4) as movers:
        for _ in range(ROUNDS):
            list(movers.map(lambda name: profiles.follow("m1", name), names))
            last = follows(client, "m1")
            assert {name for name in names if members(client, name)} == {last}


class DeletedMeanwhile(MachineDeployments):
    """The profile is deleted after the machine is entered in it and before the machine names it."""

    def _before_change(self, name: str) -> None:
        super()._before_change(name)
        make(self._redis).delete("p")


def test_a_profile_deleted_before_the_machine_names_it_is_not_followed(client: "redis.Redis") -> None:
    profiles = make(client, DeletedMeanwhile)
    profiles.make("p")

    assert profiles.follow("m1", "p") is None
    assert (follows(client, "m1"), profiles.read(["p"])) == (None, {})


def test_without_a_second_check_it_would_be_followed(
    client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProfileStore, "_settle", lambda *_: True)
    # The deleting process does not see that the machine is about to follow the profile.
    profiles = make(client, DeletedMeanwhile)
    monkeypatch.setattr(ProfileStore, "_enter", lambda *_: True)
    profiles.make("p")

    assert profiles.follow("m1", "p") is not None
    assert (follows(client, "m1"), profiles.read(["p"])) == ("p", {})


def test_an_entry_left_by_a_crash_does_not_prevent_deleting_a_profile(client: "redis.Redis") -> None:
    profiles = make(client)
    profiles.make("p")
    client.sadd(profile_machines_key("p"), *(f"m{number}" for number in range(700)))
    profiles.follow("m1", "p")

    assert profiles.delete("p") == (True, 1)
    assert members(client, "p") == {b"m1"}
    profiles.follow("m1", None)
    assert profiles.delete("p") == (True, 0)
    assert profiles.delete("p") == (False, 0)


def test_a_profile_uploaded_during_its_deletion_is_either_deleted_or_listed(
    client: "redis.Redis",
) -> None:
    logics, profiles = LogicStore(client, "", ProfileDeployments(client)), make(client)
    with ThreadPoolExecutor(2) as both:
        for number in range(ROUNDS):
            profiles.make("p")
            start = Barrier(2)

            def upload(number: int = number, start: Barrier = start) -> None:
                start.wait()
                logics.upload("p", f"source {number}", b"")

            def delete(start: Barrier = start) -> None:
                start.wait()
                profiles.delete("p")

            for future in (both.submit(upload), both.submit(delete)):
                future.result()
            if "p" in profiles.read(["p"]):
                assert profiles.names("", 10) == ["p"]
