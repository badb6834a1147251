"""The time zones of a logic, by name: the facade of zoneinfo.

Strategy. `load` reads all time zones once, while files can still be read. They come from the package tzdata,
never from the host, so each worker with the same version of the package computes the same local times.

A logic gets a time zone from a dict, by its exact name. So no name becomes the path of a file, and nothing is
parsed while a logic runs. The same name always gives the same object: Python subtracts and compares two times
of one object by their clock, and two times of different objects by their moments in UTC.

The search for a similar name, for the message about an unknown one, compares texts in Python. It is kept for
the last names, but each call pays for it, so that the fuel of a reading is always the same.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.runtime.meter import Meter
from sandbox.runtime.takes import Guards

#: Ticks for the message about an unknown time zone.
UNKNOWN_TICKS: Final = 3_000
#: The most characters of the name of a time zone; the longest one has some thirty.
LONGEST_NAME: Final = 100
#: How similar a name must be to be suggested, as in `difflib`. Shorter names are abbreviations, such as CEST
#: and PDT: one letter less is another zone.
_SIMILAR: Final = 0.75
_SHORTEST: Final = 5
#: A fixed offset in a name, such as `UTC+1` or `+01:00`.
_OFFSET: Final = re.compile(r"[+-][0-9]")


@cache
def load() -> Mapping[str, ZoneInfo]:
    """Return all time zones by name. The first call reads them from files."""
    import tzdata  # only a process that runs logic reads the files

    folder = Path(tzdata.__file__).parent
    return MappingProxyType(
        {
            name: ZoneInfo.from_file(BytesIO((folder / "zoneinfo" / name).read_bytes()), key=name)
            for name in (folder / "zones").read_text("ascii").split()
        }
    )


def zoneinfo_facade(meter: Meter) -> Guards:
    """Return the facade of zoneinfo."""
    zones = load()

    def zone_of(key: Any) -> ZoneInfo:
        meter.spend(1)
        if type(key) is not str:
            raise TypeError(f"key must be a text such as 'Europe/Berlin', not {type(key).__name__}")
        if len(key) > LONGEST_NAME:
            raise ZoneInfoNotFoundError(f"a text of {len(key)} characters is no time zone")
        zone = zones.get(key)
        if zone is None:
            meter.spend(UNKNOWN_TICKS)
            raise ZoneInfoNotFoundError(unknown(key))
        return zone

    return {"ZoneInfo": zone_of, "ZoneInfoNotFoundError": ZoneInfoNotFoundError}


@lru_cache(maxsize=64)
def unknown(name: str) -> str:
    """Return the message about a name that no time zone has."""
    if _OFFSET.search(name):
        instead = "for a fixed offset, write timezone(timedelta(hours=1))"
    elif similar := _similar(name):
        instead = f"did you mean {similar!r}?"
    else:
        instead = "write a name such as 'Europe/Berlin' or 'America/New_York'"
    return f"there is no time zone {name!r}; {instead}"


def _similar(name: str) -> str | None:
    """Return the name of a time zone that is similar: but for the case, with a region, or with a typo."""
    wanted = name.strip().replace(" ", "_").casefold()
    names = {each.casefold(): each for each in load()}
    cities = {each.rpartition("/")[2]: whole for each, whole in names.items() if "/" in each}
    by_any = {**cities, **names}
    if wanted in by_any:
        return by_any[wanted]
    near = get_close_matches(wanted, by_any, n=1, cutoff=_SIMILAR) if len(wanted) >= _SHORTEST else []
    return by_any[near[0]] if near else None
