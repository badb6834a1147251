"""What a machine is set up to run, in one small value beside its record, so that a batch reads both at once.

The value of `machine:{<id>}:logic` is a `Setup`. It is changed by compare-and-set on the whole value: whoever
changes it says what he read, and is told where another was faster (`Setups.change`). A new version is put
on the list of versions in the same step, so that its number is its place there, whoever races.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import msgspec
import redis
from msgspec import Struct
from msgspec.structs import replace

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


def setup_key(machine_id: str) -> str:
    """The key that says what a machine is set up to run."""
    return f"machine:{{{machine_id}}}:logic"


def versions_key(machine_id: str) -> str:
    """The key of the list of all versions, the first at place 0 with number 1."""
    return f"machine:{{{machine_id}}}:versions"


def digests_key(machine_id: str) -> str:
    """The key of the hash that says the last version with a source, or with one and its examples."""
    return f"machine:{{{machine_id}}}:digests"


class Active(Struct, frozen=True):
    """Which logic is in force for a machine: the number of its version, and the digest of its source."""

    version: int
    digest: str


class Pause(Struct, frozen=True, array_like=True):
    """A machine's last pause: its readings with numbers above `first`, up to `last`, became dead letters.

    `last` is None while it lasts.
    """

    first: int
    last: int | None = None


class Setup(Struct, frozen=True, array_like=True):
    """What a machine is set up to run.

    `version` (0: none) and `digest` say which of its versions is in force, `versions` how many there are.
    `previous` is the version that was in force before this one (0: none).
    """

    version: int = 0
    digest: str = ""
    versions: int = 0
    pause: Pause | None = None
    previous: int = 0

    def having(self, version: int, digest: str) -> "Setup":
        """The same with this version in force (0: none)."""
        if version == self.version:
            return self
        return replace(self, version=version, digest=digest, previous=self.version or self.previous)

    @property
    def paused(self) -> bool:
        """Whether the machine's readings become dead letters at the moment."""
        return self.pause is not None and self.pause.last is None

    @property
    def active(self) -> Active | None:
        """The logic in force."""
        return Active(self.version, self.digest) if self.version else None

    @classmethod
    def parse(cls, value: bytes | None) -> "Setup":
        """The setup as it is kept; of what has none, the empty one."""
        return _decode(value) if value else _EMPTY


_EMPTY = Setup()
_decode = msgspec.msgpack.Decoder(Setup).decode


class New(NamedTuple):
    """A version that is new: its entry on the list, and the names that it is found by again."""

    entry: bytes
    names: Sequence[str]


class Setups:
    """Reads and changes setups. Safe to share between threads. Every method may raise `redis.RedisError`."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._change = client.register_script(_CHANGE)

    def read(self, machine_id: str) -> Setup:
        """A machine's setup."""
        return Setup.parse(self._value(machine_id))

    def change(self, machine_id: str, step: Callable[[Setup], tuple[Setup, New | None]]) -> Setup:
        """Have `step` make another setup of a machine's, and put it in force. Returns it.

        Where another is faster, `step` is asked again with what that one left. What `step` raises is raised,
        and nothing is changed then.
        """
        keys = [setup_key(machine_id), versions_key(machine_id), digests_key(machine_id)]
        while True:
            value = self._value(machine_id)
            before = Setup.parse(value)
            after, new = step(before)
            if after == before:
                return before
            arguments: list[bytes | str | int] = [value or b"", msgspec.msgpack.encode(after)]
            if new is not None:
                arguments += [new.entry, after.versions, *new.names]
            if self._change(keys=keys, args=arguments):
                return after

    def _value(self, machine_id: str) -> bytes | None:
        return cast("bytes | None", self._redis.get(setup_key(machine_id)))
