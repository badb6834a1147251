"""The claim of a reading that is sent again. It names the dead letter that the reading uses up when applied.

The claim travels in the header `dead-letter` as `<name>.<signature>`. The name is the letter's number, or the
name of a timer's run (`pipeline.model.timer`) or of a reading that was never run (`pipeline.broker.expiry`,
`pipeline.worker.ways`). The signature covers
the machine, the name and the bytes of the reading. It is made with a secret that is kept in Redis and that
only the API and the workers know (`pipeline.store.dead_letters`). So a header that a device invents has no
effect, and its reading is processed like any other. A device that overhears a header and repeats it can only
send the same bytes to the same machine. The letter prevents harm then: it is used up once.

This is a signature and not a nonce on the letter, because a repeated claim must be distinguished from a
forged one even after the letter is gone: the reading of a repeated claim is skipped, the reading of a forged
claim is processed.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, Self

from msgspec import Struct

from pipeline.wire import CLAIM_HEADER, NEVER_RUN_NAME_PATTERN, TIMER_RUN_NAME_PATTERN

#: The value of the header, as a regular expression.
CLAIM_PATTERN: Final = (
    f"([1-9][0-9]{{0,18}}|{TIMER_RUN_NAME_PATTERN}|{NEVER_RUN_NAME_PATTERN})[.]([0-9a-f]{{64}})"
)

_CLAIM = re.compile(CLAIM_PATTERN)


class Claim(Struct, frozen=True):
    """A claim as received: the letter's number or other name, and the unverified signature."""

    number: str
    signature: str

    @classmethod
    def sign(cls, secret: bytes, machine_id: str, number: str, body: bytes) -> Self:
        """Return the claim of a reading with these bytes on a letter of its machine."""
        return cls(number, _signature(secret, machine_id, number, body))

    def holds(self, secret: bytes, machine_id: str, body: bytes) -> bool:
        """Return whether the claim was made with `secret` for exactly this reading."""
        return hmac.compare_digest(self.signature, _signature(secret, machine_id, self.number, body))

    @property
    def header(self) -> str:
        """The value of the header."""
        return f"{self.number}.{self.signature}"


def claim_of(headers: Mapping[str, Any] | None) -> Claim | None:
    """Return the claim in a reading's headers; None if there is none or it is not well-formed."""
    value = headers.get(CLAIM_HEADER) if headers else None
    found = _CLAIM.fullmatch(value) if isinstance(value, str) else None
    return Claim(found[1], found[2]) if found else None


def _signature(secret: bytes, machine_id: str, number: str, body: bytes) -> str:
    signed = b"\0".join((machine_id.encode(), number.encode(), body))
    return hmac.digest(secret, signed, hashlib.sha256).hex()
