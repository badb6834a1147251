"""What a machine is set up to run, in one small value beside its record, so that a batch reads both at once.

The value of `machine:{<id>}:logic` is a `Deployment`. It is changed by compare-and-set on the whole value:
whoever changes it says what he read, and is told where another was faster (`Deployments.change`). A new
version is put on the list of versions in the same step, so that its number is its place there, whoever races.

A profile is a logic for many machines. It has a setup of its own, `profile:{<name>}:logic`, and versions in
the same way. A machine that names a profile runs its logic, unless it has one of its own in force.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import msgspec
import redis

from pipeline.model.deployment import Deployment
from pipeline.store.keys import PROFILES_KEY, Kind, deployment_key, digests_key, versions_key
from pipeline.store.machine_index import MachineIndex
from pipeline.store.records import Records

#: Compare-and-set of a setup. KEYS setup, versions, digests; ARGV the value as it was read, the new one and,
#: where a version is new, its entry, its number and its names. Answers 0 where the value is another by now.
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


class NewVersion(NamedTuple):
    """A version that is new: its entry on the list, and the names that it is found by again."""

    entry: bytes
    names: Sequence[str]


#: Makes of a setup another, and says whether the version in it is new. May be asked more than once.
Step = Callable[[Deployment], tuple[Deployment, NewVersion | None]]


class Deployments:
    """Reads and changes setups. Safe to share between threads. Every method may raise `redis.RedisError`."""

    kind: Kind

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._change = client.register_script(_CHANGE)

    def read(self, name: str) -> Deployment:
        """The setup of a machine or profile."""
        return Deployment.parse(self._value(name))

    def change(self, name: str, step: Step) -> Deployment:
        """Have `step` make another setup of somebody's, and put it in force. Returns it.

        Where another is faster, `step` is asked again with what that one left. What `step` raises is raised,
        and nothing is changed then.
        """
        keys = [deployment_key(name, self.kind), versions_key(name, self.kind), digests_key(name, self.kind)]
        while True:
            value = self._value(name)
            before = Deployment.parse(value)
            after, new = step(before)
            if after == before:
                return before
            self._before_change(name)
            arguments: list[bytes | str | int] = [value or b"", msgspec.msgpack.encode(after)]
            if new is not None:
                arguments += [new.entry, after.versions, *new.names]
            if self._change(keys=keys, args=arguments):
                self._after_change(name)
                return after

    def _before_change(self, name: str) -> None:
        """What is to be done before something is kept of somebody."""

    def _after_change(self, name: str) -> None:
        """What is to be done when a setup is another one."""

    def _value(self, name: str) -> bytes | None:
        return cast("bytes | None", self._redis.get(deployment_key(name, self.kind)))


class MachineDeployments(Deployments):
    """The same, of machines, which are entered into the index when they are changed."""

    kind = "machine"

    def __init__(self, client: "redis.Redis") -> None:
        super().__init__(client)
        self._records = Records(client)
        self._index = MachineIndex(client, self._records)

    def _before_change(self, name: str) -> None:
        self._records.register([name])

    def _after_change(self, name: str) -> None:
        self._index.enter([name])


class ProfileDeployments(Deployments):
    """The setups of profiles. Who has one is on the list of all."""

    kind = "profile"

    def _before_change(self, name: str) -> None:
        self._redis.zadd(PROFILES_KEY, {name: 0})

    def _after_change(self, name: str) -> None:
        # Once more: somebody may have deleted the profile that was there before.
        self._redis.zadd(PROFILES_KEY, {name: 0})
