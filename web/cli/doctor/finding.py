"""What a check has found."""

from typing import Literal

from msgspec import Struct

#: `ok`: it is as it should be. `note`: it works, and you may want to know. `wrong`: a promise or a feature
#: does not hold.
Level = Literal["ok", "note", "wrong"]


class Finding(Struct, frozen=True):
    """What was found of `area`; where it is not `ok`, with what to do."""

    area: str
    level: Level
    what: str
    todo: str = ""
