"""The machines' logic in Redis: every source ever accepted, the versions of each machine, which is in force.

- `logic:{<digest>}` is a source (`Source` below), never changed and never deleted, so that whoever has
  read a digest finds it. Beside the source lies the code that the API compiled, with a tag of what it was
  compiled by and a signature: a worker uses it only where both fit, and has its sandbox compile the source
  otherwise. The key is shared by API and workers alone; whoever can write to Redis cannot sign.
- `machine:{<id>}:versions` is the list of a machine's versions, the first at place 0 with number 1.
- `machine:{<id>}:logic` says which is in force, as `<number> <digest>`. A batch reads it together with the
  machine's record, so a new version is in force from the next batch on every worker.
"""

import hashlib
import hmac
import importlib.metadata
import importlib.util
from datetime import UTC, datetime
from threading import Lock
from typing import cast

import msgspec
import redis
from msgspec import Struct

from pipeline.records import Active, Records, active_key, parse_active
from sandbox.job import Logic, digest_of

#: Makes a version and puts it in force, unless the source is in force already. Answers the active one.
_ACTIVATE = """
local active = redis.call('GET', KEYS[1])
if active and string.match(active, ' (.*)') == ARGV[1] then
    return active
end
active = redis.call('RPUSH', KEYS[2], ARGV[2]) .. ' ' .. ARGV[1]
redis.call('SET', KEYS[1], active)
return active
"""

#: Sources kept in a worker's memory. A thousand of the largest are 32 MiB.
_CACHED = 1_000


class Version(Struct, frozen=True):
    """One accepted upload: which source, and when (RFC 3339, UTC). Its number is its place, from 1."""

    digest: str
    time: str


class Source(Struct, frozen=True):
    """A source as it is kept, with its compiled code where it could be signed."""

    source: str
    code: bytes = b""
    tag: str = ""
    signature: bytes = b""


def code_tag() -> str:
    """What compiled code depends on beside its source: the Python that loads it, and who restricted it."""
    versions = (importlib.metadata.version(name) for name in ("RestrictedPython", "iot-logic-processor"))
    return "/".join((importlib.util.MAGIC_NUMBER.hex(), *versions))


def source_key(digest: str) -> str:
    """The key of a source."""
    return f"logic:{{{digest}}}"


def versions_key(machine_id: str) -> str:
    """The key of a machine's versions."""
    return f"machine:{{{machine_id}}}:versions"


class Logics:
    """Keeps and finds logic. Safe to share between threads."""

    def __init__(self, client: "redis.Redis", signing_key: str) -> None:
        self._redis = client
        self._records = Records(client)
        self._signing_key = signing_key.encode()
        self._tag = code_tag()
        self._cache: dict[str, Logic] = {}
        self._lock = Lock()
        self._activate = client.register_script(_ACTIVATE)

    def upload(self, machine_id: str, source: str, code: bytes) -> Active:
        """Put an accepted source in force for a machine. The same source again makes no new version.

        `code` is what the sandbox compiled it to. Raises `redis.RedisError`; then it may or may not be in
        force, and uploading it again is safe.
        """
        digest = digest_of(source)
        kept = Source(source)
        if self._signing_key:
            kept = Source(source, code, self._tag, self._sign(digest, code))
        self._redis.set(source_key(digest), msgspec.msgpack.encode(kept))
        self._records.register([machine_id])
        version = Version(digest, datetime.now(UTC).isoformat(timespec="milliseconds"))
        active = self._activate(
            keys=[active_key(machine_id), versions_key(machine_id)],
            args=[digest, msgspec.msgpack.encode(version)],
        )
        parsed = parse_active(active)
        assert parsed is not None
        return parsed

    def active(self, machine_id: str) -> tuple[Active, Version, str] | None:
        """The logic in force for a machine: which, when it was accepted, and its source."""
        active = parse_active(cast("bytes | None", self._redis.get(active_key(machine_id))))
        if active is None:
            return None
        version = cast(bytes, self._redis.lindex(versions_key(machine_id), active.version - 1))
        source = self.load({active.digest})[active.digest].source
        return active, msgspec.msgpack.decode(version, type=Version), source

    def load(self, digests: set[str]) -> dict[str, Logic]:
        """These sources, ready for the sandbox; without those that Redis does not have.

        Raises `redis.RedisError`.
        """
        with self._lock:
            missing = [digest for digest in digests if digest not in self._cache]
            if missing:
                self._fetch(missing)
            loaded = {digest: self._cache[digest] for digest in digests if digest in self._cache}
            while len(self._cache) > _CACHED:
                del self._cache[next(iter(self._cache))]
        return loaded

    def _fetch(self, digests: list[str]) -> None:
        values = cast("list[bytes | None]", self._redis.mget([source_key(digest) for digest in digests]))
        for digest, value in zip(digests, values, strict=True):
            if value is None:
                continue
            kept = msgspec.msgpack.decode(value, type=Source)
            trusted = (
                self._signing_key
                and kept.tag == self._tag
                and hmac.compare_digest(kept.signature, self._sign(digest, kept.code))
            )
            self._cache[digest] = Logic(digest, kept.source, kept.code if trusted else None)

    def _sign(self, digest: str, code: bytes) -> bytes:
        message = b"\0".join((self._tag.encode(), digest.encode(), code))
        return hmac.digest(self._signing_key, message, hashlib.sha256)
