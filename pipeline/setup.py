"""What a machine is set up to run, in one small value beside its record, so that a batch reads both at once.

The value of `machine:{<id>}:logic` is a `Setup`. It is changed by compare-and-set on the whole value: whoever
changes it says what he read, and is told where another was faster (`Setups.change`). A new version is put
on the list of versions in the same step, so that its number is its place there, whoever races.

A profile is a logic for many machines. It has a setup of its own, `profile:{<name>}:logic`, and versions in
the same way. A machine that names a profile runs its logic, unless it has one of its own in force.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, cast

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


#: Who can have a logic.
Kind = Literal["machine", "profile"]


def setup_key(name: str, kind: Kind = "machine") -> str:
    """The key that says what a machine, or who follows a profile, is set up to run."""
    return f"{kind}:{{{name}}}:logic"


def versions_key(name: str, kind: Kind = "machine") -> str:
    """The key of the list of all versions, the first at place 0 with number 1."""
    return f"{kind}:{{{name}}}:versions"


def digests_key(name: str, kind: Kind = "machine") -> str:
    """The key of the hash that says the last version with a source, or with one and its examples."""
    return f"{kind}:{{{name}}}:digests"


def profile_machines_key(name: str) -> str:
    """The key of the set of machines that follow this profile."""
    return f"profile:{{{name}}}:machines"


class Active(Struct, frozen=True):
    """Which logic is in force: the number of its version, the digest of its source, and whose version it is:
    that of a profile, or the machine's own."""

    version: int
    digest: str
    profile: str | None = None

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return f"version {self.version}" + (f" of the profile {self.profile!r}" if self.profile else "")


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
    `profile` is whose logic it runs where it has none of its own in force. `config`, a JSON object, is what
    its logic reads as `config`. A profile's own setup has none of the last three.
    """

    version: int = 0
    digest: str = ""
    versions: int = 0
    pause: Pause | None = None
    previous: int = 0
    profile: str | None = None
    config: bytes = b"{}"

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
        """Its own logic in force."""
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


#: Makes of a setup another, and says whether the version in it is new. May be asked more than once.
Step = Callable[[Setup], tuple[Setup, New | None]]


class Setups:
    """Reads and changes setups. Safe to share between threads. Every method may raise `redis.RedisError`."""

    kind: Kind

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._change = client.register_script(_CHANGE)

    def read(self, name: str) -> Setup:
        """The setup of a machine or profile."""
        return Setup.parse(self._value(name))

    def change(self, name: str, step: Step) -> Setup:
        """Have `step` make another setup of somebody's, and put it in force. Returns it.

        Where another is faster, `step` is asked again with what that one left. What `step` raises is raised,
        and nothing is changed then.
        """
        keys = [setup_key(name, self.kind), versions_key(name, self.kind), digests_key(name, self.kind)]
        while True:
            value = self._value(name)
            before = Setup.parse(value)
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
        return cast("bytes | None", self._redis.get(setup_key(name, self.kind)))
