"""Profiles in Redis, and the machines that follow each profile.

A machine's deployment names the profile that it follows: this is the truth. `profile:{<name>}:machines` is
the set of the machines that follow a profile. It serves to count and find them, and to refuse the deletion of
a profile in use. The rules:

1.  *A profile is deleted only while its set is empty*, in the same step that checks the set (`_DELETE`).
2.  *A machine is added to the set of an existing profile* (`_JOIN`) before its deployment names the profile.
3.  *After a change of the profile that a machine follows, the sets are updated from its deployment*
    (`_settle`). Then the deployment is read again, and everything is repeated if it has changed. If the
    profile was deleted meanwhile, the deployment drops it.

So a set may contain extra machines after a crash, but every machine that follows a profile is in its set.
Before a profile is deleted, the entries of the machines in its set are corrected. `profiles` sorts the names
of all profiles; it may contain a deleted one.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final, cast

import msgspec
from msgspec.structs import replace

from pipeline.model.deployment import Deployment
from pipeline.model.machine import Condition
from pipeline.store.client import Client
from pipeline.store.deployments import MachineDeployments
from pipeline.store.keys import (
    PROFILES_KEY,
    condition_key,
    configs_key,
    deployment_key,
    digests_key,
    profile_machines_key,
    versions_key,
)
from pipeline.store.machine_index import MachineIndex, chunks
from pipeline.store.records import Records

#: Machines that are read in one round trip.
_CHUNK: Final = 500

#: Adds a machine to the set of an existing profile. KEYS: deployment, machines. ARGV: the machine.
_JOIN: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
redis.call('SADD', KEYS[2], ARGV[1])
return 1
"""

#: Deletes a profile unless it has machines. KEYS: machines, deployment and all other keys. Returns the number
#: of its machines, and whether the profile existed.
_DELETE: Final = """
local count, there = redis.call('SCARD', KEYS[1]), redis.call('EXISTS', KEYS[2])
if count == 0 then
    redis.call('DEL', unpack(KEYS))
end
return {count, there}
"""


class ProfileStore:
    """Keeps and finds profiles. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client, machines: MachineDeployments, records: Records) -> None:
        self._redis = client
        self._machines = machines
        self._records = records
        self._index = MachineIndex(client, records)
        self._join = client.register_script(_JOIN)
        self._delete = client.register_script(_DELETE)

    def names(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` names after `after`, sorted. A name may belong to a deleted profile."""
        start = f"({after}" if after else "-"
        names = cast("list[bytes]", self._redis.zrangebylex(PROFILES_KEY, start, "+", 0, limit))
        return [name.decode() for name in names]

    def read(self, names: Sequence[str]) -> dict[str, tuple[Deployment, int]]:
        """Return the deployments of the existing profiles, each with its number of machines."""
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
        """Create a profile without logic. Return False if it exists already."""
        self._redis.zadd(PROFILES_KEY, {name: 0})
        made = self._redis.set(deployment_key(name, "profile"), msgspec.msgpack.encode(Deployment()), nx=True)
        self._redis.zadd(PROFILES_KEY, {name: 0})
        return bool(made)

    def follow(self, machine_id: str, name: str | None) -> Deployment | None:
        """Set the profile that a machine follows from its next batch on, or none (None).

        Return its previous deployment; None if the profile does not exist.
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

    def adopt(self, machine_id: str, name: str) -> bool:
        """Let a machine follow a profile unless it has a profile or a logic of its own by now.

        Return False if the profile does not exist.
        """
        if not self._enter(machine_id, name):
            return False
        self._machines.change(machine_id, partial(_offered, name))
        return self._settle(machine_id, {name})

    def delete(self, name: str) -> tuple[bool, int]:
        """Delete a profile with all its versions, if no machine follows it.

        Return whether it existed, and how many machines follow it.
        """
        keys = [profile_machines_key(name), deployment_key(name, "profile")]
        keys += [versions_key(name, "profile"), digests_key(name, "profile")]
        keys.append(configs_key(name, "profile"))
        for machine_ids in chunks(self._members(name), _CHUNK):
            for machine_id, stored in self._records.read(machine_ids).items():
                if stored.deployment.profile != name:
                    self._settle(machine_id, {name})
        self._redis.zrem(PROFILES_KEY, name)
        count, there = self._delete(keys=keys)
        if there and count:
            self._redis.zadd(PROFILES_KEY, {name: 0})
        return bool(there), count

    def forget(self, machine_id: str, name: str) -> None:
        """Remove a deleted machine from the set of the profile that it followed."""
        self._settle(machine_id, {name})

    def refresh(self, name: str) -> None:
        """Update the index for machines of the profile that a new version may release from quarantine."""
        keys = [profile_machines_key(name), condition_key(Condition.QUARANTINED)]
        stopped = cast("list[bytes]", self._redis.zinter(keys))
        self._index.enter([machine_id.decode() for machine_id in stopped])

    def reenter(self, name: str) -> None:
        """Update the index for all machines of the profile after a change of its settings."""
        self._index.enter(self._members(name))

    def machines(self, name: str) -> Iterator[list[str]]:
        """Yield the machines that follow a profile, some at a time."""
        yield from chunks(self._members(name), _CHUNK)

    def _members(self, name: str) -> list[str]:
        members = cast("set[bytes]", self._redis.smembers(profile_machines_key(name)))
        return [member.decode() for member in members]

    def _enter(self, machine_id: str, name: str) -> bool:
        keys = [deployment_key(name, "profile"), profile_machines_key(name)]
        return bool(self._join(keys=keys, args=[machine_id]))

    def _settle(self, machine_id: str, names: Iterable[str]) -> bool:
        """Update the sets of these profiles from a machine's deployment.

        Return False if its profile is deleted.
        """
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


def _offered(profile: str, deployment: Deployment) -> tuple[Deployment, None]:
    has_one = deployment.version or deployment.profile
    return (deployment if has_one else replace(deployment, profile=profile)), None


def _without(profile: str, deployment: Deployment) -> tuple[Deployment, None]:
    return (replace(deployment, profile=None) if deployment.profile == profile else deployment), None
