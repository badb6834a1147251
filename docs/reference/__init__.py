"""The tables of the site that are generated from the code when Sphinx reads a page with their markers.

The marker of the settings is `<!-- made: settings -->`. So every setting, route, message, metric, command and
error is on the site, as it is in the code.
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
from docs.reference.templates import templates
from docs.reference.wire import wire

#: The function that returns each table as Markdown, by the name in its marker.
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
    "templates": templates,
    "traces": traces,
    "wire": wire,
}

_MARKER: Final = re.compile(r"^<!-- made: ([a-z ]+) -->$", re.MULTILINE)


def markers(page: str) -> list[str]:
    """Return the names of the tables in a page."""
    return _MARKER.findall(page)


def filled(page: str) -> str:
    """Return the page with its tables. Raises `KeyError` if a marker names no table."""
    return _MARKER.sub(lambda marker: TABLES[marker[1]](), page)
