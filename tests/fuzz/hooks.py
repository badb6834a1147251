"""What Schemathesis is kept from: without our token there would be nothing left to try."""

from typing import Any

import schemathesis
from schemathesis import Case, HookContext

#: The name of the token that the requests are sent with.
OURS = "fuzz"


@schemathesis.hook
def filter_case(_context: HookContext, case: Case[Any]) -> bool:
    """Leave out what would revoke it."""
    return not (case.method == "DELETE" and (case.path_parameters or {}).get("name") == OURS)
