"""The tables of the site that are made from the code, each when a page with its marker is read.

A page says `<!-- made: settings -->` where the table of the settings is to stand. So no page can say of a
setting, route, message, metric, command or error what the code does not say, and none can be missing.
"""

import re
from collections.abc import Callable
from typing import Final

from docs.reference.command import commands
from docs.reference.errors import errors, exit_statuses, kinds, statuses
from docs.reference.licences import licences
from docs.reference.limits import limits
from docs.reference.metrics import metrics
from docs.reference.rest import rest
from docs.reference.settings import settings, traces
from docs.reference.wire import wire

#: What makes each table, as Markdown, by the name in its marker.
TABLES: Final[dict[str, Callable[[], str]]] = {
    "commands": commands,
    "errors": errors,
    "exit statuses": exit_statuses,
    "kinds": kinds,
    "licences": licences,
    "limits": limits,
    "metrics": metrics,
    "rest": rest,
    "settings": settings,
    "statuses": statuses,
    "traces": traces,
    "wire": wire,
}

_MARKER: Final = re.compile(r"^<!-- made: ([a-z ]+) -->$", re.MULTILINE)


def markers(page: str) -> list[str]:
    """The names of the tables that a page has."""
    return _MARKER.findall(page)


def filled(page: str) -> str:
    """The page with its tables. Raises `KeyError` for a name that is none of a table."""
    return _MARKER.sub(lambda marker: TABLES[marker[1]](), page)
