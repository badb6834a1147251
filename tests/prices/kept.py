"""The worst inputs found so far, in `worst.json`: where a search begins, and what a test runs.

The file has the processor time of each input on a quiet machine. The fuel of an input is always the same, so
a test can tell without a clock whether the step still pays enough for it.
"""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tests.prices.measure import PLAIN_LOOP, Input
from tests.prices.search import Found

_FILE: Final = Path(__file__).parent / "worst.json"


class Kept(Struct, frozen=True):
    """An input, its repetitions, and their microseconds on a machine whose plain loop takes `PLAIN_LOOP`."""

    input: Input
    times: int
    caught: bool
    us: float


def kept() -> dict[str, Kept]:
    """Return the worst input of each step."""
    return msgspec.json.decode(_FILE.read_bytes(), type=dict[str, Kept]) if _FILE.exists() else {}


def keep(worst: dict[str, Found]) -> None:
    """Write down the worst inputs of these steps."""
    new = {
        name: Kept(
            found.input,
            found.price.times,
            found.price.caught,
            round(found.price.us * PLAIN_LOOP / found.loop),
        )
        for name, found in worst.items()
    }
    lines = [
        f"{msgspec.json.encode(name).decode()}: {msgspec.json.encode(each).decode()}"
        for name, each in sorted((kept() | new).items())
    ]
    _FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
