"""The result of a check."""

from typing import Literal

from msgspec import Struct

#: `ok`: correct. `note`: it works, but you may want to change it. `wrong`: a promise or a feature does not
#: hold.
Level = Literal["ok", "note", "wrong"]


class Finding(Struct, frozen=True):
    """The result of a check of `area`. If it is not `ok`, `todo` says what to do."""

    area: str
    level: Level
    what: str
    todo: str = ""
