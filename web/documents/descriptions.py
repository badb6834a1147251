"""What the OpenAPI document says that no code does: what operations are about, parameters, bare bodies.

A test asks for an entry where one is missing.
"""

from typing import Any, Final

from pipeline.model.dead_letter import KINDS, STRAY
from pipeline.store.tokens import NAME_PATTERN
from pipeline.wire import LETTER_NAME_PATTERN, MACHINE_ID_PATTERN

#: What the operations are about: by the beginnings of their paths, in the order in which they are shown.
TAGS: Final = {
    "Logic": (
        "What runs on a machine's readings, in versions; check and try it without effect.",
        "/logic",
        "/machines/{machine_id}/logic",
    ),
    "Profiles": (
        "One logic for many machines, and what each machine sets for itself.",
        "/profiles",
        "/machines/{machine_id}/profile",
        "/machines/{machine_id}/config",
    ),
    "Machines": ("The machines, their states and their readings.", "/machines", "/fleet"),
    "Live": ("What happens, as it happens.", "/events", "/machines/{machine_id}/events"),
    "Dead letters": ("Readings that failed: find them, send them again.", "/dead-letters"),
    "The works": (
        "Workers, partitions, queues and metrics.",
        *("/workers", "/partitions", "/queues", "/links", "/metrics", "/health"),
    ),
    "Access": ("Who may do what, and who did what.", "/tokens", "/whoami", "/audit"),
}

#: What each parameter is, where its route does not say: its schema is completed with this.
PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "machine_id": {
        "description": "The machine's id.",
        "schema": {"pattern": f"^{MACHINE_ID_PATTERN}$"},
    },
    "after": {"description": "Where the page starts: `next` of the page before.", "example": ""},
    "before": {"description": "Where the page starts: `next` of the page before."},
    "limit": {"description": "How many at the most.", "example": 100},
    "machine": {"description": "Of this machine."},
    "kind": {"description": "Of this kind."},
    "cause": {
        "description": "Of this cause, as a dead letter has it.",
        "schema": {"pattern": "^[0-9a-f]{16}$"},
    },
    "since": {
        "description": "Since then (RFC 3339, with a time zone).",
        "schema": {"format": "date-time"},
    },
    "until": {
        "description": "Before then (RFC 3339, with a time zone).",
        "schema": {"format": "date-time"},
    },
    "number": {"description": "The number of the version.", "example": 1},
    "to": {"description": "The number of the other version.", "example": 2},
    "who": {"description": "By whom: the name of the token."},
    "name": {"description": "The token's name.", "schema": {"pattern": f"^{NAME_PATTERN}$"}},
    "If-Match": {"example": "*"},
    "If-None-Match": {"example": '"2-0b7d1f2e"'},
    "Last-Event-ID": {"example": "17-0b6d1f0e-42"},
}

#: What those of one path are, where they are other than elsewhere.
OF_PATH: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "/dead-letters": {
        "kind": {"description": "Of this kind.", "schema": {"enum": KINDS}},
        "machine": {
            "description": f"The machine's id, or {STRAY} for a reading that named none.",
            "schema": {"pattern": f"^({MACHINE_ID_PATTERN}|{STRAY})$"},
        },
        "number": {
            "description": "The number of the reading on its machine. A stray and a reading that expired "
            "have a name in its place.",
            "schema": {"pattern": f"^({LETTER_NAME_PATTERN}|[0-9a-f]{{32}})$"},
            "example": "17",
        },
    },
    "/profiles": {
        "name": {"description": "The profile's name.", "schema": {"pattern": f"^{MACHINE_ID_PATTERN}$"}},
    },
    "/partitions": {"after": {"description": "The last partition of the page before.", "example": 2}},
}

_ANY: Final[dict[str, Any]] = {"description": "Any JSON value."}
_OBJECT: Final[dict[str, Any]] = {"type": "object", "description": "Any JSON object."}

#: Bodies that are read as they come, with an example: by operation.
BODIES: Final[dict[str, tuple[dict[str, Any], Any]]] = {
    "post_data": (_ANY, {"temperature": 91.5}),
    "put_state": (_OBJECT, {"hot": 2}),
    "put_config": (_OBJECT, {"limit": 80}),
}

_DIFF: Final[tuple[dict[str, Any], Any]] = (
    {"type": "string"},
    "--- version 3\n+++ version 4\n@@ -1,2 +1,2 @@\n…",
)
_EVENTS: Final[dict[str, Any]] = {"type": "string", "description": "Server-sent events, one after the other."}
_EVENT: Final = 'id: 17-0b6d1f0e-42\nevent: lagged\ndata: {"missed":3}\n\n'

#: Answers that no Struct makes, with an example: by operation.
ANSWERS: Final[dict[str, tuple[dict[str, Any], Any]]] = {
    "get_state": (_OBJECT, {"hot": 2}),
    "put_state": (_OBJECT, {"hot": 2}),
    "get_config": (_OBJECT, {"limit": 80}),
    "put_config": (_OBJECT, {"limit": 80}),
    "get_diff": _DIFF,
    "get_profile_diff": _DIFF,
    "get_events": (_EVENTS, _EVENT),
    "get_machine_events": (_EVENTS, _EVENT),
    "metrics": ({"type": "string"}, "iot_logic_dead_letters 0.0\n"),
}

#: The header of an answer that can be sent back as `If-Match`.
ETAG: Final = {
    "description": "Names what was read; send it as If-Match.",
    "schema": {"type": "string"},
    "example": '"3-5f3a9c0d"',
}

#: Headers of problems, by status.
PROBLEM_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "401": {
        "WWW-Authenticate": {
            "description": "How to say who it is: with a bearer token.",
            "required": True,
            "schema": {"type": "string"},
            "example": "Bearer",
        }
    },
    "429": {
        "Retry-After": {
            "description": "Seconds to wait.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
            "example": 1,
        }
    },
}
