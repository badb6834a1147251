"""The logic of machines or profiles in Redis: the versions of each, and the deployed one.

- `machine:{<id>}:logic` says which version is deployed (`pipeline.store.deployments`). A batch reads it with
  the machine's record, so a new version is in use from the next batch on every worker.
- `machine:{<id>}:versions` is the list of a machine's versions. The version at place 0 has number 1. A
  version never changes. It stays when the logic is deleted, and its number is not used again.
- `profile:{<name>}:…` are the same keys for a profile.
- The sources are kept separately, each once (`pipeline.store.sources`).
"""

from collections.abc import Callable
from typing import cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.clock import now
from pipeline.model.deployment import Active, Deployment
from pipeline.store.client import Client
from pipeline.store.deployments import Deployments, MachineDeployments, NewVersion
from pipeline.store.keys import digests_key, versions_key
from pipeline.store.sources import Sources
from pipeline.wire import LARGEST_INTEGER
from sandbox.job import Logic


class Version(Struct, frozen=True):
    """One accepted upload: its source, time (RFC 3339, UTC), author and comment. Its number is its place.

    `author` is empty if no token was needed. `examples` is the digest of the source's examples, and empty if
    there were none.
    """

    digest: str
    time: str
    author: str = ""
    comment: str | None = None
    examples: str = ""


#: Called with the deployed logic before each change. If it raises an error, the change is cancelled.
Check = Callable[[Active | None], None]


def any_logic(_active: Active | None) -> None:
    """Allow the change, whichever logic is deployed."""


class LogicStore:
    """Writes and reads the logic of the owners in `deployments`; by default, of machines.

    Safe to share between threads. Every method may raise `RedisError`. If a change raises it, the
    change may or may not have been made; repeating it is safe.
    """

    def __init__(self, client: Client, signing_key: str, deployments: Deployments | None = None) -> None:
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
        """Deploy an accepted source. `code` is the code that the sandbox compiled.

        A version is a source with its examples (JSON; empty if it has none). If a version with both exists,
        it is deployed again, and no new one is created. If `examples` is None, this is the last version with
        the source, whatever its examples.
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
        """Deploy an existing version, older or newer. Return None if there is no version with this number.

        Raises `SourceInvalid` if its source cannot run.
        """
        version = self.version(name, number)
        if version is None:
            return None
        digest = version.digest
        self.source(digest)

        def step(deployment: Deployment) -> tuple[Deployment, None]:
            check(deployment.active)
            return deployment.having(number, digest), None

        return self.deployments.change(name, step).active

    def remove(self, name: str, check: Check = any_logic) -> None:
        """Undeploy the current version. All versions stay and can be deployed again."""

        def step(deployment: Deployment) -> tuple[Deployment, None]:
            check(deployment.active)
            return deployment.having(0, ""), None

        self.deployments.change(name, step)

    def deployment(self, name: str) -> Deployment:
        """Return the deployment of a machine or profile."""
        return self.deployments.read(name)

    def version(self, name: str, number: int) -> Version | None:
        """Return a version; None if there is no version with this number."""
        if not 0 < number < LARGEST_INTEGER:
            return None
        value = cast("bytes | None", self._redis.lindex(versions_key(name, self._kind), number - 1))
        return None if value is None else msgspec.msgpack.decode(value, type=Version)

    def versions(self, name: str, before: int, limit: int) -> list[tuple[int, Version]]:
        """Return at most `limit` versions with numbers below `before`, latest first, each with its number."""
        last = before - 1
        if last < 1:
            return []
        first = max(last - limit + 1, 1)
        values = cast("list[bytes]", self._redis.lrange(versions_key(name, self._kind), first - 1, last - 1))
        decoded = [msgspec.msgpack.decode(value, type=Version) for value in values]
        return list(enumerate(decoded, start=first))[::-1]

    def source(self, digest: str) -> str:
        """Return the source of a version. Raises `SourceInvalid`."""
        return self._sources.source(digest)

    def examples(self, version: Version) -> bytes:
        """Return the examples of a version, as JSON; empty if it has none. Raises `SourceInvalid`."""
        return self._sources.examples(version.examples) if version.examples else b""

    @property
    def invalid(self) -> int:
        """How many sources were read that did not match their digest."""
        return self._sources.invalid

    def load(self, digests: set[str]) -> dict[str, Logic]:
        """Return these sources, ready for the sandbox, without those that are missing or invalid."""
        return self._sources.load(digests)

    def _number(self, owner: str, name: str) -> int:
        """Return the number of the last version with this name; 0 if there is none."""
        return int(cast("bytes | None", self._redis.hget(digests_key(owner, self._kind), name)) or 0)
