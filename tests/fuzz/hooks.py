"""Requests that Schemathesis must not send: without our token, it could test nothing else."""

from typing import Any

import schemathesis
from schemathesis import Case, HookContext

#: The name of the token of the requests.
OURS = "fuzz"


@schemathesis.hook
def filter_case(_context: HookContext, case: Case[Any]) -> bool:
    """Leave out requests that would revoke it."""
    return not (case.method == "DELETE" and (case.path_parameters or {}).get("name") == OURS)
