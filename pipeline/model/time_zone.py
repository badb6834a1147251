"""The time zones of IANA, by their names.

They come from the package `tzdata`, never from the host, so that each worker and each API has the same ones.
"""

from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.errors import ScheduleRefused

#: The maximum number of characters of a name. The longest one has 32.
ZONE_NAME_CHARACTERS: Final = 64

_DATA: Final = resources.files("tzdata")


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone. Raises `ScheduleRefused` if there is none with this name."""
    if name not in zone_names():
        raise ScheduleRefused(_unknown(name))
    return _zone(name)


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset((_DATA / "zones").read_text().split())


# The names are checked, so there are at most as many entries as time zones.
@cache
def _zone(name: str) -> ZoneInfo:
    with _DATA.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _unknown(name: str) -> str:
    if len(name) > ZONE_NAME_CHARACTERS:
        return (
            f"The name of a time zone has at most {ZONE_NAME_CHARACTERS} characters, and this one has "
            f"{len(name):,}. Use a name such as 'Europe/Berlin'."
        )
    by_lower_case = {each.lower(): each for each in sorted(zone_names())}
    wanted = name.strip().lower().replace(" ", "_")
    close = get_close_matches(wanted, by_lower_case, n=1)
    # A user may know only the name of the city.
    city = [each for each in by_lower_case if each.rpartition("/")[2] == wanted]
    if found := [*city, *close]:
        return f"There is no time zone {name!r}. Did you mean {by_lower_case[found[0]]!r}?"
    return f"There is no time zone {name!r}. Use a name of IANA, such as 'Europe/Berlin' or 'UTC'."
