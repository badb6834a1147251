"""The deployment of a machine, in one small value beside its record, so that a batch reads both at once.

The value of `machine:{<id>}:logic` is a `Deployment`. It changes by compare-and-set on the whole value: the
caller passes the value that it read, and starts again if another change was faster (`Deployments.change`). A
new version is added to the list of versions in the same step, so that its number is its place in the list
even if changes race.

A profile is a logic for many machines. It has its own deployment, `profile:{<name>}:logic`, and its own
versions. A machine that names a profile runs the profile's logic unless a version of its own is deployed.

The config is a part of the deployment. Its new version is written in the same step as well
(`pipeline.store.configs`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec

from pipeline.model.deployment import Deployment
from pipeline.store.client import Client
from pipeline.store.keys import (
    PROFILES_KEY,
    OwnerKind,
    configs_key,
    deployment_key,
    digests_key,
    versions_key,
)
from pipeline.store.machine_index import MachineIndex
from pipeline.store.records import Records

#: Compare-and-set of a deployment. KEYS: deployment, versions, digests. ARGV: the value as read, the new
#: value and, for a new version, its entry, its number and its names. Returns 0 if the value has changed.
_CHANGE = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[3] then
    redis.call('RPUSH', KEYS[2], ARGV[3])
    for place = 5, #ARGV do
        redis.call('HSET', KEYS[3], ARGV[place], ARGV[4])
    end
end
return 1
"""

#: The same with new versions of the config. KEYS: deployment, configs. ARGV: the value as read, the new
#: value, the number of the version that is no longer kept, and each new version's number and entry.
_CHANGE_CONFIG = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[3])
redis.call('HSET', KEYS[2], unpack(ARGV, 4))
return 1
"""


class NewVersion(NamedTuple):
    """A new version: its entry on the list, and the names by which it is found again."""

    entry: bytes
    names: Sequence[str]


class NewConfig(NamedTuple):
    """New versions of the config: their entries by number, and the number that is no longer kept."""

    entries: Mapping[int, bytes]
    dropped: int


#: Makes a new deployment from the current one, and the new version in it, if any. It may be called more than
#: once.
Step = Callable[[Deployment], tuple[Deployment, NewVersion | NewConfig | None]]


class Deployments:
    """Reads and changes deployments. Safe to share between threads. All methods raise `RedisError`."""

    kind: OwnerKind

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._change = client.register_script(_CHANGE)
        self._change_config = client.register_script(_CHANGE_CONFIG)

    def read(self, name: str) -> Deployment:
        """Return the deployment of a machine or profile."""
        return Deployment.parse(self._value(name))

    def change(self, name: str, step: Step) -> Deployment:
        """Replace a deployment by the result of `step`, and return the new one.

        If another change was faster, `step` is called again with its result. If `step` raises an error,
        nothing is changed.

        If `step` changes nothing, the deployment is written as it was. The caller may repeat a change whose
        write is on the primary alone, and only another write proves that it is kept.
        """
        while True:
            value = self._value(name)
            before = Deployment.parse(value)
            after, new = step(before)
            if after == before and value is None:
                return before
            self._before_change(name)
            if self._write(name, value or b"", after, new):
                self._after_change(name)
                return after

    def _write(self, name: str, before: bytes, after: Deployment, new: NewVersion | NewConfig | None) -> bool:
        """Do the compare-and-set. Return False if the value has changed."""
        keys = [deployment_key(name, self.kind)]
        arguments: list[bytes | str | int] = [before, msgspec.msgpack.encode(after)]
        if isinstance(new, NewConfig):
            keys.append(configs_key(name, self.kind))
            arguments.append(new.dropped)
            for entry in new.entries.items():
                arguments += entry
            return bool(self._change_config(keys=keys, args=arguments))
        keys += [versions_key(name, self.kind), digests_key(name, self.kind)]
        if new is not None:
            arguments += [new.entry, after.versions, *new.names]
        return bool(self._change(keys=keys, args=arguments))

    def _before_change(self, name: str) -> None:
        """Do what must precede a change."""

    def _after_change(self, name: str) -> None:
        """Do what must follow a change."""

    def _value(self, name: str) -> bytes | None:
        return cast("bytes | None", self._redis.get(deployment_key(name, self.kind)))


class MachineDeployments(Deployments):
    """The deployments of machines. Every change also updates the machine index."""

    kind = "machine"

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._records = Records(client)
        self._index = MachineIndex(client, self._records)

    def _before_change(self, name: str) -> None:
        self._records.register([name])

    def _after_change(self, name: str) -> None:
        self._index.enter([name])


class ProfileDeployments(Deployments):
    """The deployments of profiles. Every profile with a deployment is on the list of all profiles."""

    kind = "profile"

    def _before_change(self, name: str) -> None:
        self._redis.zadd(PROFILES_KEY, {name: 0})

    def _after_change(self, name: str) -> None:
        # Again, because the profile may have been deleted meanwhile.
        self._redis.zadd(PROFILES_KEY, {name: 0})
