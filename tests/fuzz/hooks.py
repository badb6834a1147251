"""Requests that Schemathesis must not send.

Without our token, it could test nothing else. And for JSON Schema, 5.0 is an integer, but the API answers
with 400.
"""

from typing import Any

import schemathesis
from schemathesis import Case, HookContext

#: The name of the token of the requests.
OURS = "fuzz"


@schemathesis.hook
def filter_case(_context: HookContext, case: Case[Any]) -> bool:
    """Leave out requests that would revoke it, and those with such integers."""
    revokes = case.method == "DELETE" and (case.path_parameters or {}).get("name") == OURS
    return not revokes and not _has_whole_float(case.body)


def _has_whole_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_whole_float, value.values()))
    if isinstance(value, list):
        return any(map(_has_whole_float, value))
    return isinstance(value, float) and value.is_integer()
