"""The sources of all logic in Redis, each kept once and indefinitely under its digest, `logic:{<digest>}`.

A source is never changed or deleted, so every reader of a digest finds its source. Each reader compares the
source with its digest, so a source that something else has changed is neither shown nor run. Beside the
source is the code that the API compiled, with a tag of the compiler and a signature. A worker uses the code
only if tag and signature match; otherwise its sandbox compiles the source. Only the API and the workers share
the signing key: write access to Redis is not enough to sign.

The examples of a source are kept as JSON under their own digest, `examples:{<digest>}`.
"""

import hashlib
import hmac
import importlib.metadata
import importlib.util
import logging
import sys
from threading import Lock
from typing import Final, cast

import msgspec
from msgspec import Struct

from pipeline.errors import SourceInvalid
from pipeline.store.client import Client
from pipeline.store.keys import examples_key, source_key
from sandbox.job import Logic, digest_of

_logger = logging.getLogger(__name__)

#: Maximum bytes of sources and code in a worker's memory.
_CACHED_BYTES = 32 << 20

#: The remedy for an invalid source.
_TO_DO: Final = "Upload the same logic again, or import it from a backup."


class StoredSource(Struct, frozen=True):
    """A source as it is kept, with its compiled code if the code could be signed."""

    source: str
    code: bytes = b""
    tag: str = ""
    signature: bytes = b""


def code_tag() -> str:
    """Return a tag of the bytecode format and the compiler, on which compiled code depends."""
    versions = (importlib.metadata.version(name) for name in ("RestrictedPython", "iot-logic-processor"))
    return "/".join((importlib.util.MAGIC_NUMBER.hex(), *versions))


class Sources:
    """Writes and reads sources. Safe to share between threads. All methods may raise `RedisError`.

    `invalid` counts the sources that were read and did not match their digest.
    """

    def __init__(self, client: Client, signing_key: str) -> None:
        self._redis = client
        self._signing_key = signing_key.encode()
        self._tag = code_tag()
        self._cache: dict[str, Logic] = {}
        self._cached_bytes = 0
        self._lock = Lock()
        self._reported = set[str]()
        self.invalid = 0

    def keep(self, source: str, code: bytes | None) -> str:
        """Keep a source and, if given, its compiled code. Return the source's digest."""
        digest = digest_of(source)
        kept = StoredSource(source)
        if self._signing_key and code is not None:
            kept = StoredSource(source, code, self._tag, self._sign(digest, code))
        self._redis.set(source_key(digest), msgspec.msgpack.encode(kept))
        return digest

    def keep_examples(self, examples: bytes) -> str:
        """Keep the examples of a version, as JSON. Return their digest."""
        digest = hashlib.sha256(examples).hexdigest()
        self._redis.set(examples_key(digest), examples)
        return digest

    def examples(self, digest: str) -> bytes:
        """Return the examples with this digest, as JSON. Raises `SourceInvalid`."""
        return checked_examples(digest, cast("bytes | None", self._redis.get(examples_key(digest))))

    def source(self, digest: str) -> str:
        """Return the source with this digest. Raises `SourceInvalid`."""
        if loaded := self.load({digest}):
            return loaded[digest].source
        # Read it again, for the reason.
        return checked_source(digest, cast("bytes | None", self._redis.get(source_key(digest)))).source

    def load(self, digests: set[str]) -> dict[str, Logic]:
        """Return these sources, ready for the sandbox, without those that are missing or invalid."""
        with self._lock:
            missing = [digest for digest in digests if digest not in self._cache]
            if missing:
                self._fetch(missing)
            loaded = {digest: self._cache[digest] for digest in digests if digest in self._cache}
            while self._cached_bytes > _CACHED_BYTES:
                oldest = self._cache.pop(next(iter(self._cache)))
                self._cached_bytes -= _size(oldest)
        return loaded

    def _fetch(self, digests: list[str]) -> None:
        values = cast("list[bytes | None]", self._redis.mget([source_key(digest) for digest in digests]))
        for digest, value in zip(digests, values, strict=True):
            if value is None:
                continue
            try:
                kept = checked_source(digest, value)
            except SourceInvalid as e:
                self.invalid += 1
                # A worker reads it again for each batch.
                if digest not in self._reported:
                    self._reported.add(digest)
                    _logger.error("%s", e)
                continue
            trusted = (
                self._signing_key
                and kept.tag == self._tag
                and hmac.compare_digest(kept.signature, self._sign(digest, kept.code))
            )
            logic = Logic(digest, kept.source, kept.code if trusted else None)
            self._cache[digest] = logic
            self._cached_bytes += _size(logic)

    def _sign(self, digest: str, code: bytes) -> bytes:
        message = b"\0".join((self._tag.encode(), digest.encode(), code))
        return hmac.digest(self._signing_key, message, hashlib.sha256)


def _size(logic: Logic) -> int:
    """Return about how many bytes of memory a logic takes."""
    return sys.getsizeof(logic.source) + len(logic.code or b"")


def checked_source(digest: str, value: bytes | None) -> StoredSource:
    """Decode the value of a source. Raises `SourceInvalid`."""
    if value is None:
        raise SourceInvalid(f"The source with the digest {digest} is missing from Redis. {_TO_DO}")
    try:
        kept = msgspec.msgpack.decode(value, type=StoredSource)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        kept = None
    if kept is None or digest_of(kept.source) != digest:
        raise SourceInvalid(
            f"A source in Redis does not match its digest {digest}: it was changed by something else than "
            f"this system, so it is not used. {_TO_DO}"
        )
    return kept


def checked_examples(digest: str, value: bytes | None) -> bytes:
    """Return the value of examples. Raises `SourceInvalid`."""
    if value is None:
        raise SourceInvalid(f"The examples with the digest {digest} are missing from Redis. {_TO_DO}")
    if hashlib.sha256(value).hexdigest() != digest:
        raise SourceInvalid(
            f"The examples in Redis do not match their digest {digest}: they were changed by something else "
            f"than this system, so they are not used. {_TO_DO}"
        )
    return value
