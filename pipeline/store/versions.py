"""The logic of machines or profiles in Redis: the versions of each, and which of them is in force.

- `machine:{<id>}:logic` says which is in force (`pipeline.store.deployments`). A batch reads it together with
  the machine's record, so a new version is in force from the next batch on every worker.
- `machine:{<id>}:versions` is the list of a machine's versions, the first at place 0 with number 1. A
  version is never changed; it outlives the logic's deletion, and its number is not used again.
- `profile:{<name>}:…` are the same of a profile.
- The sources lie by themselves, each once (`pipeline.store.sources`).
"""

from collections.abc import Callable
from typing import cast

import msgspec
import redis
from msgspec import Struct
from msgspec.structs import replace

from pipeline.clock import now
from pipeline.model.deployment import Active, Deployment
from pipeline.store.deployments import Deployments, MachineDeployments, NewVersion
from pipeline.store.keys import digests_key, versions_key
from pipeline.store.sources import Sources
from sandbox.job import Logic


class Version(Struct, frozen=True):
    """One accepted upload: which source, when (RFC 3339, UTC), by whom and why. Its number is its place.

    `author` is empty where nobody had to say who he is; `examples`, the digest of those that the source came
    with, where there were none.
    """

    digest: str
    time: str
    author: str = ""
    comment: str | None = None
    examples: str = ""


#: Asked about the logic in force before a change is made over it; what it raises, ends the change.
Check = Callable[[Active | None], None]


def any_logic(_active: Active | None) -> None:
    """Whatever is in force, the change is to be made."""


class LogicStore:
    """Keeps and finds the logic of those that `deployments` has: where none are given, of machines.

    Safe to share between threads. Every method may raise `redis.RedisError`. Where a change raises it, the
    change was made or was not; making it again is safe.
    """

    def __init__(
        self, client: "redis.Redis", signing_key: str, deployments: Deployments | None = None
    ) -> None:
        self.deployments = deployments or MachineDeployments(client)
        self._kind = self.deployments.kind
        self._redis = client
        self._sources = Sources(client, signing_key)

    def upload(
        self,
        name: str,
        source: str,
        code: bytes,
        *,
        examples: bytes | None = None,
        author: str = "",
        comment: str | None = None,
        check: Check = any_logic,
    ) -> Active:
        """Put an accepted source in force; `code` is what the sandbox compiled it to.

        A version is a source with its examples (JSON; empty: it has none). Where there is one with both, that
        one is put in force again, and no new one is made. Where the examples are None, whichever they are, it
        is the last with the source.
        """
        digest = self._sources.keep(source, code)
        examples_digest = self._sources.keep_examples(examples) if examples else ""
        names = [digest, f"{digest} {examples_digest}"]
        time = now()
        entry = msgspec.msgpack.encode(Version(digest, time, author, comment, examples_digest))

        def step(deployment: Deployment) -> tuple[Deployment, NewVersion | None]:
            check(deployment.active)
            if number := self._number(name, names[0 if examples is None else 1]):
                return deployment.having(number, digest), None
            number = deployment.versions + 1
            return replace(deployment.having(number, digest), versions=number), NewVersion(entry, names)

        active = self.deployments.change(name, step).active
        assert active is not None
        return active

    def activate(self, name: str, number: int, check: Check = any_logic) -> Active | None:
        """Put a version in force, be it older or newer. None where there is none with this number."""
        version = self.version(name, number)
        if version is None:
            return None
        digest = version.digest

        def step(deployment: Deployment) -> tuple[Deployment, None]:
            check(deployment.active)
            return deployment.having(number, digest), None

        return self.deployments.change(name, step).active

    def remove(self, name: str, check: Check = any_logic) -> None:
        """Put no version in force any more. All of them stay, and can be put in force again."""

        def step(deployment: Deployment) -> tuple[Deployment, None]:
            check(deployment.active)
            return deployment.having(0, ""), None

        self.deployments.change(name, step)

    def deployment(self, name: str) -> Deployment:
        """What a machine, or who follows a profile, is set up to run."""
        return self.deployments.read(name)

    def version(self, name: str, number: int) -> Version | None:
        """A version, None where there is none with this number."""
        if not 0 < number < 2**53:
            return None
        value = cast("bytes | None", self._redis.lindex(versions_key(name, self._kind), number - 1))
        return None if value is None else msgspec.msgpack.decode(value, type=Version)

    def versions(self, name: str, before: int, limit: int) -> list[tuple[int, Version]]:
        """Versions below the number `before`, the last first, `limit` at the most, each with its number."""
        last = before - 1
        if last < 1:
            return []
        first = max(last - limit + 1, 1)
        values = cast("list[bytes]", self._redis.lrange(versions_key(name, self._kind), first - 1, last - 1))
        decoded = [msgspec.msgpack.decode(value, type=Version) for value in values]
        return list(enumerate(decoded, start=first))[::-1]

    def source(self, digest: str) -> str:
        """The source of a version."""
        return self._sources.load({digest})[digest].source

    def examples(self, version: Version) -> bytes:
        """The examples of a version, as JSON; empty where it has none."""
        return self._sources.examples(version.examples) if version.examples else b""

    def load(self, digests: set[str]) -> dict[str, Logic]:
        """These sources, ready for the sandbox; without those that Redis does not have."""
        return self._sources.load(digests)

    def _number(self, owner: str, name: str) -> int:
        """The last version with this name; 0 where none has it."""
        return int(cast("bytes | None", self._redis.hget(digests_key(owner, self._kind), name)) or 0)
