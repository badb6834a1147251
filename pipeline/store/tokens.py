"""The tokens in Redis: who may use the API, in which role.

A token has the form `iot_<name>_<secret>`; the secret is 256 random bits in hex. Redis stores only its
SHA-256. A slow hash (argon2, scrypt) would protect nothing here: it is for secrets that people choose and
others can guess. Nobody can guess 256 bits, however fast each guess is, and a slow hash would make every
request slow.

- `tokens` is a hash of all tokens by name (`_Kept` below).
- `tokens:used` is a hash of when each token was last used, in milliseconds, by the hex of its SHA-256.

Every request looks its token up, so a revoked token stops working immediately in every API process.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final, cast

import msgspec
from msgspec import Struct

from pipeline.clock import milliseconds_now, rfc3339
from pipeline.errors import TokenError
from pipeline.model.role import Role
from pipeline.store.client import Client, plain
from pipeline.store.keys import TOKENS_KEY, TOKENS_USED_KEY

#: The valid names of tokens. There is no underscore, so that the name ends where the secret begins.
NAME_PATTERN: Final = "[A-Za-z0-9-]{1,64}"

_NAME: Final = re.compile(NAME_PATTERN)
_TOKEN: Final = re.compile(f"iot_({NAME_PATTERN})_([0-9a-f]{{64}})")

#: Milliseconds after which another use of a token is written.
_USED_EVERY: Final = 60_000
_DAY: Final = 86_400_000

#: Compared if the token does not exist, so that the answer takes the same time. No secret has this hash.
_NOBODY: Final = bytes(32)


class _Kept(Struct, array_like=True):
    role: Role
    digest: bytes
    created: int
    expires: int | None


class Token(Struct, kw_only=True):
    """A token without its secret. Times are RFC 3339, UTC; `last_used` is accurate to the minute."""

    name: str
    role: Role
    created: str
    expires: str | None
    last_used: str | None


class Caller(Struct, frozen=True):
    """The sender of a request: the token's name, role, digest, and expiry (RFC 3339, UTC)."""

    name: str
    role: Role
    expires: str | None = None
    digest: bytes = b""


class Tokens:
    """Creates, finds and revokes tokens. Safe to share between threads. All raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client

    def create(self, name: str, role: Role, days: float | None = None) -> str:
        """Create a token, valid indefinitely or for `days`. Return it: it cannot be shown again.

        Raises `TokenError` if the name is taken or invalid.
        """
        if not _NAME.fullmatch(name):
            raise TokenError(f"{name!r} is not a valid token name. Use 1 to 64 letters, digits or -.")
        token = f"iot_{name}_{secrets.token_hex(32)}"
        now = milliseconds_now()
        expires = None if days is None else now + round(days * _DAY)
        kept = msgspec.msgpack.encode(_Kept(role, _digest(token), now, expires))
        if not self._redis.hsetnx(TOKENS_KEY, name, cast(str, kept)):
            raise TokenError(f"A token {name!r} already exists. Revoke it first, or choose another name.")
        return token

    def revoke(self, name: str) -> Role | None:
        """Delete a token. It stops working with the next request. Return its role; None if there is none."""
        # A repeated request deletes nothing, but waits until replicas have what the first one deleted.
        with self._redis.pipeline() as both:
            both.hget(TOKENS_KEY, name)
            both.hdel(TOKENS_KEY, name)
            value, _ = both.execute()
        kept = self._read(value)
        if kept is None:
            return None
        self._redis.hdel(TOKENS_USED_KEY, kept.digest.hex())
        return kept.role

    def list(self) -> list[Token]:
        """Return all tokens by name, including expired ones."""
        everything = cast("dict[bytes, bytes]", self._redis.hgetall(TOKENS_KEY))
        used = cast("dict[bytes, bytes]", self._redis.hgetall(TOKENS_USED_KEY))
        found = []
        for name, value in sorted(everything.items()):
            kept = msgspec.msgpack.decode(value, type=_Kept)
            last = used.get(kept.digest.hex().encode())
            found.append(
                Token(
                    name=name.decode(),
                    role=kept.role,
                    created=_shown(kept.created),
                    expires=None if kept.expires is None else _shown(kept.expires),
                    last_used=None if last is None else _shown(int(last)),
                )
            )
        return found

    def exist(self) -> bool:
        """Return whether there is any token, including expired ones."""
        return bool(self._redis.hlen(TOKENS_KEY))

    def caller(self, token: str) -> Caller | None:
        """Return the sender of this token; None if the token is unknown, revoked or expired.

        `token` may be any text. The time of the answer does not reveal why a token is refused.
        """
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        digest = _digest(token)
        with self._redis.pipeline(transaction=False) as both:
            both.hget(TOKENS_KEY, parts[1])
            both.hget(TOKENS_USED_KEY, digest.hex())
            value, used = both.execute()
        kept = self._read(value)
        same = hmac.compare_digest(digest, kept.digest if kept else _NOBODY)
        now = milliseconds_now()
        if kept is None or not same or (kept.expires is not None and kept.expires <= now):
            return None
        if used is None or now - int(used) >= _USED_EVERY:
            plain(self._redis).hset(TOKENS_USED_KEY, digest.hex(), str(now))
        return Caller(parts[1], kept.role, None if kept.expires is None else _shown(kept.expires), digest)

    def hold(self, caller: Caller) -> bool:
        """Return whether an accepted token is still valid: neither revoked nor replaced."""
        kept = self._read(self._redis.hget(TOKENS_KEY, caller.name))
        return (
            kept is not None
            and kept.digest == caller.digest
            and (kept.expires is None or kept.expires > milliseconds_now())
        )

    @staticmethod
    def _read(value: object) -> _Kept | None:
        return None if value is None else msgspec.msgpack.decode(cast(bytes, value), type=_Kept)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _shown(milliseconds: int) -> str:
    return rfc3339(milliseconds / 1000)
