"""The claim of a reading that is sent again: which dead letter it uses up when it is applied.

It travels in the header `dead-letter` as `<name>.<signature>`; the name is the letter's number, or that of a
reading that expired (`pipeline.broker.expiry`). The signature covers the machine, the name and the bytes of
the reading, with a secret that lies in Redis and is known to API and workers only
(`pipeline.store.dead_letters`). So a header that a device made up counts for nothing, and its reading is
processed like any other; one that it has overheard and repeats can only bring the same bytes to the same
machine, which is settled by the letter: it is used up once.

A signature rather than a nonce on the letter, because a repeat must be told from a forgery also after the
letter is gone: the one is skipped, the other is a reading.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, Self

from msgspec import Struct

from pipeline.wire import CLAIM_HEADER, EXPIRED_NAME_PATTERN

#: The value of the header, as a regular expression.
CLAIM_PATTERN: Final = f"([1-9][0-9]{{0,18}}|{EXPIRED_NAME_PATTERN})[.]([0-9a-f]{{64}})"

_CLAIM = re.compile(CLAIM_PATTERN)


class Claim(Struct, frozen=True):
    """A claim as it came: the letter's number or other name, and the signature, which is not checked yet."""

    number: str
    signature: str

    @classmethod
    def sign(cls, secret: bytes, machine_id: str, number: str, body: bytes) -> Self:
        """The claim of a reading with these bytes on a letter of its machine."""
        return cls(number, _signature(secret, machine_id, number, body))

    def holds(self, secret: bytes, machine_id: str, body: bytes) -> bool:
        """Whether it was made with `secret` for just this reading."""
        return hmac.compare_digest(self.signature, _signature(secret, machine_id, self.number, body))

    @property
    def header(self) -> str:
        """The value of the header."""
        return f"{self.number}.{self.signature}"


def claim_of(headers: Mapping[str, Any] | None) -> Claim | None:
    """The claim in a reading's headers, None where there is none or what is there cannot be one."""
    value = headers.get(CLAIM_HEADER) if headers else None
    found = _CLAIM.fullmatch(value) if isinstance(value, str) else None
    return Claim(found[1], found[2]) if found else None


def _signature(secret: bytes, machine_id: str, number: str, body: bytes) -> str:
    signed = b"\0".join((machine_id.encode(), number.encode(), body))
    return hmac.digest(secret, signed, hashlib.sha256).hex()
