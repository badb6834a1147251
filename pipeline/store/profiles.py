"""Profiles in Redis: which there are, and which machines follow each.

A machine's setup says whose profile it follows: that is the truth. `profile:{<name>}:machines` is the set of
the machines that follow a profile, for counting them, finding them and refusing to delete what is in use. The
rules:

1.  *A profile is deleted only while its set is empty*, in the same step that looks (`_DELETE`).
2.  *A machine is put into the set of a profile that is there* (`_JOIN`), before its setup names it.
3.  *Whoever changes what a machine follows brings the sets in line with its setup after that*, reads the
    setup once more, and does all of it again where it is another by now (`_settle`). Where the profile is
    gone by then, the setup forgets it.

So a set may hold too much after a crash, but a machine that follows a profile is in it. Who deletes a profile
brings the machines in its set in line first. `profiles` sorts the names of all profiles; it may name one that
is gone.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, cast

import msgspec
import redis
from msgspec.structs import replace

from pipeline.model.deployment import Deployment
from pipeline.model.machine import Condition
from pipeline.store.deployments import MachineDeployments
from pipeline.store.keys import (
    PROFILES_KEY,
    condition_key,
    deployment_key,
    digests_key,
    profile_machines_key,
    versions_key,
)
from pipeline.store.machine_index import MachineIndex
from pipeline.store.records import Records

#: Machines that are looked at in one round trip.
_CHUNK: Final = 500

#: Puts a machine into the set of a profile that is there. KEYS setup, machines; ARGV the machine.
_JOIN: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
redis.call('SADD', KEYS[2], ARGV[1])
return 1
"""

#: Deletes a profile, unless it has machines. KEYS machines, setup and all else. Answers how many it has, and
#: whether it was there.
_DELETE: Final = """
local count, there = redis.call('SCARD', KEYS[1]), redis.call('EXISTS', KEYS[2])
if count == 0 then
    redis.call('DEL', unpack(KEYS))
end
return {count, there}
"""


class ProfileStore:
    """Keeps and finds profiles. Safe to share between threads. Every method may raise `redis.RedisError`."""

    def __init__(self, client: "redis.Redis", machines: MachineDeployments, records: Records) -> None:
        self._redis = client
        self._machines = machines
        self._records = records
        self._index = MachineIndex(client, records)
        self._join = client.register_script(_JOIN)
        self._delete = client.register_script(_DELETE)

    def names(self, after: str, limit: int) -> list[str]:
        """The names that come after `after`, sorted, `limit` at the most. One may be gone."""
        start = f"({after}" if after else "-"
        names = cast("list[bytes]", self._redis.zrangebylex(PROFILES_KEY, start, "+", 0, limit))
        return [name.decode() for name in names]

    def read(self, names: Sequence[str]) -> dict[str, tuple[Deployment, int]]:
        """The setups of these profiles, each with how many machines follow it; without those not there."""
        if not names:
            return {}
        with self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.get(deployment_key(name, "profile"))
                pipeline.scard(profile_machines_key(name))
            values = pipeline.execute()
        return {
            name: (Deployment.parse(value), count)
            for name, value, count in zip(names, values[::2], values[1::2], strict=True)
            if value is not None
        }

    def make(self, name: str) -> bool:
        """Make a profile that has no logic yet. False where it is there."""
        self._redis.zadd(PROFILES_KEY, {name: 0})
        made = self._redis.set(deployment_key(name, "profile"), msgspec.msgpack.encode(Deployment()), nx=True)
        self._redis.zadd(PROFILES_KEY, {name: 0})
        return bool(made)

    def follow(self, machine_id: str, name: str | None) -> Deployment | None:
        """Have a machine follow a profile, from its next batch on, or none (None).

        Returns its setup as it was before; None where there is no such profile.
        """
        if name is not None and not self._enter(machine_id, name):
            return None
        before = Deployment()

        def step(deployment: Deployment) -> tuple[Deployment, None]:
            nonlocal before
            before = deployment
            return replace(deployment, profile=name), None

        self._machines.change(machine_id, step)
        there = self._settle(machine_id, {each for each in (before.profile, name) if each is not None})
        return before if there else None

    def delete(self, name: str) -> tuple[bool, int]:
        """Delete a profile with all its versions. Says whether it was there, and how many machines follow it.

        Where any does, nothing is deleted.
        """
        keys = [profile_machines_key(name), deployment_key(name, "profile")]
        keys += [versions_key(name, "profile"), digests_key(name, "profile")]
        for machine_ids in _chunks(self._members(name)):
            for machine_id, stored in self._records.read(machine_ids).items():
                if stored.deployment.profile != name:
                    self._settle(machine_id, {name})
        self._redis.zrem(PROFILES_KEY, name)
        count, there = self._delete(keys=keys)
        if there and count:
            self._redis.zadd(PROFILES_KEY, {name: 0})
        return bool(there), count

    def forget(self, machine_id: str, name: str) -> None:
        """Take a machine that was deleted out of the set of the profile that it followed."""
        self._settle(machine_id, {name})

    def refresh(self, name: str) -> None:
        """Enter those of its machines into the index anew that a new version may have set free."""
        keys = [profile_machines_key(name), condition_key(Condition.QUARANTINED)]
        stopped = cast("list[bytes]", self._redis.zinter(keys))
        self._index.enter([machine_id.decode() for machine_id in stopped])

    def _members(self, name: str) -> list[str]:
        members = cast("set[bytes]", self._redis.smembers(profile_machines_key(name)))
        return [member.decode() for member in members]

    def _enter(self, machine_id: str, name: str) -> bool:
        keys = [deployment_key(name, "profile"), profile_machines_key(name)]
        return bool(self._join(keys=keys, args=[machine_id]))

    def _settle(self, machine_id: str, names: Iterable[str]) -> bool:
        """Bring the sets of these profiles in line with a machine's setup. False: its profile is gone."""
        there = True
        while True:
            follows = self._machines.read(machine_id).profile
            for name in names:
                if name != follows:
                    self._redis.srem(profile_machines_key(name), machine_id)
                elif not self._enter(machine_id, name):
                    there = False
                    self._machines.change(machine_id, partial(_without, name))
            if self._machines.read(machine_id).profile == follows:
                return there


def _without(profile: str, deployment: Deployment) -> tuple[Deployment, None]:
    return (replace(deployment, profile=None) if deployment.profile == profile else deployment), None


def _chunks(machine_ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (machine_ids[start : start + _CHUNK] for start in range(0, len(machine_ids), _CHUNK))
