"""Texts of the OpenAPI document that no code contains: tags, parameters, and bodies without a struct.

A test fails if an entry is missing.
"""

from typing import Any, Final

from pipeline.model.dead_letter import KINDS, STRAY
from pipeline.store.tokens import NAME_PATTERN
from pipeline.wire import LETTER_NAME_PATTERN, MACHINE_ID_PATTERN

#: The tags of the operations, with the prefixes of their paths, in the order of the page.
TAGS: Final = {
    "Logic": (
        "The versions of logic that run on readings. Check and try logic without effect.",
        "/logic",
        "/machines/{machine_id}/logic",
        "/templates",
    ),
    "Profiles": (
        "One logic for many machines, and the configs of machines and profiles.",
        "/profiles",
        "/machines/{machine_id}/profile",
        "/machines/{machine_id}/config",
    ),
    "Sources": (
        "Topics that devices choose themselves, and the machines that they belong to.",
        "/sources",
        "/source-presets",
    ),
    "Notifications": (
        "Who is told of which alarms, and what could not be delivered.",
        "/notification-routes",
        "/notifications",
    ),
    "Machines": ("The machines, their states and their readings.", "/machines", "/fleet", "/schedules"),
    "Alarms": (
        "Open alarms, what people do with them, and the journal.",
        "/alarms",
        "/plant-alarms",
        "/machines/{machine_id}/alarms",
    ),
    "Live": ("Live events.", "/events", "/machines/{machine_id}/events"),
    "Dead letters": ("Failed readings: find them, send them again, discard them.", "/dead-letters"),
    "System": (
        "Workers, partitions, queues, outages and metrics.",
        *("/outages", "/workers", "/partitions", "/queues", "/links", "/metrics", "/health"),
    ),
    "Access": ("Tokens, roles and the audit trail.", "/tokens", "/whoami", "/audit"),
}

#: The descriptions of the parameters. They complete the schemas of routes that describe none.
PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "machine_id": {
        "description": "The machine's id.",
        "schema": {"pattern": f"^{MACHINE_ID_PATTERN}$"},
    },
    "after": {"description": "The cursor of the page: `next` of the previous page.", "example": ""},
    "before": {"description": "The cursor of the page: `next` of the previous page."},
    "limit": {"description": "The maximum number of items.", "example": 100},
    "machine": {"description": "Only items of this machine."},
    "kind": {"description": "Only dead letters of this kind."},
    "cause": {
        "description": "Only dead letters with this `cause`.",
        "schema": {"pattern": "^[0-9a-f]{16}$"},
    },
    "since": {
        "description": "Only failures at or after this time (RFC 3339, with a time zone).",
        "schema": {"format": "date-time"},
    },
    "until": {
        "description": "Only failures before this time (RFC 3339, with a time zone).",
        "schema": {"format": "date-time"},
    },
    "number": {"description": "The number of the version.", "example": 1},
    "to": {"description": "The number of the other version.", "example": 2},
    "who": {"description": "Only changes made with the token of this name."},
    "notification_id": {
        "description": "The notification's id.",
        "example": "shift:0b6d1f0e4f0c4c369d0e0d7a6f5f1c11",
    },
    "name": {"description": "The token's name.", "schema": {"pattern": f"^{NAME_PATTERN}$"}},
    "Idempotency-Key": {"example": "press-7-4711"},
    "If-Match": {"example": "*"},
    "If-None-Match": {"example": '"2-0b7d1f2e"'},
    "Last-Event-ID": {"example": "17-0b6d1f0e-42"},
}

#: Descriptions for the parameters of one path, if they differ from the general ones.
OF_PATH: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "/dead-letters": {
        "kind": {"description": "Only dead letters of this kind.", "schema": {"enum": KINDS}},
        "machine": {
            "description": f"The machine's id, or {STRAY} for a reading without a machine.",
            "schema": {"pattern": f"^({MACHINE_ID_PATTERN}|{STRAY})$"},
        },
        "number": {
            "description": "The number of the reading on its machine, or timer- and the number of the "
            "timer that ran. A reading that expired or has no machine has a name instead.",
            "schema": {"pattern": f"^({LETTER_NAME_PATTERN}|[0-9a-f]{{32}})$"},
            "example": "17",
        },
    },
    "/profiles": {
        "name": {"description": "The profile's name.", "schema": {"pattern": f"^{MACHINE_ID_PATTERN}$"}},
    },
    "/templates": {
        "name": {"description": "The template's name.", "example": "milesight"},
    },
    "/sources": {
        "name": {"description": "The source's name.", "schema": {"pattern": f"^{MACHINE_ID_PATTERN}$"}},
    },
    "/alarms": {
        "severity": {"description": "Only alarms that are at least this severe.", "example": "major"},
        "machine": {"description": "Only alarms of machines whose ids begin like this.", "example": "furn"},
        "profile": {"description": "Only alarms that the logic of this profile raised."},
        "name": {"description": "Only alarms whose names begin like this.", "schema": {}, "example": "hot"},
        "state": {"description": "Only alarms in this state.", "example": "unacknowledged"},
        "shelved": {"description": "Only alarms that are shelved, or only the others.", "example": False},
        "after": {"description": "The cursor of the page: `next` of the previous page.", "example": ""},
        "action": {"description": "Only changes of this kind.", "example": "raised"},
    },
    "/machines/{machine_id}/alarms": {
        "name": {"description": "The alarm's name.", "example": "too-hot"},
    },
    "/plant-alarms": {"name": {"description": "The alarm's name.", "example": "no-worker"}},
    "/notification-routes": {
        "name": {"description": "The route's name.", "schema": {"pattern": f"^{MACHINE_ID_PATTERN}$"}},
    },
    "/partitions": {"after": {"description": "The last partition of the previous page.", "example": 2}},
}

_ANY: Final[dict[str, Any]] = {"description": "Any JSON value."}
_OBJECT: Final[dict[str, Any]] = {"type": "object", "description": "Any JSON object."}

#: Request bodies without a struct, with an example, by operation.
BODIES: Final[dict[str, tuple[dict[str, Any], Any]]] = {
    "post_data": (_ANY, {"temperature": 91.5}),
    "put_state": (_OBJECT, {"hot": 2}),
    "put_config": (_OBJECT, {"limit": 80}),
    "post_config_diff": (_OBJECT, {"limit": 80}),
    "put_profile_config": (_OBJECT, {"limit": 80}),
    "post_profile_config_diff": (_OBJECT, {"limit": 80}),
}

_DIFF: Final[tuple[dict[str, Any], Any]] = (
    {"type": "string"},
    "--- version 3\n+++ version 4\n@@ -1,2 +1,2 @@\n…",
)
_EVENTS: Final[dict[str, Any]] = {"type": "string", "description": "A stream of server-sent events."}
_EVENT: Final = 'id: 17-0b6d1f0e-42\nevent: lagged\ndata: {"missed":3}\n\n'

#: Responses without a Struct, with an example, by operation.
ANSWERS: Final[dict[str, tuple[dict[str, Any], Any]]] = {
    "get_state": (_OBJECT, {"hot": 2}),
    "put_state": (_OBJECT, {"hot": 2}),
    "get_config": (_OBJECT, {"limit": 80}),
    "put_config": (_OBJECT, {"limit": 80}),
    "post_config_restore": (_OBJECT, {"limit": 80}),
    "post_config_diff": _DIFF,
    "get_config_diff": _DIFF,
    "get_profile_config": (_OBJECT, {"limit": 80}),
    "put_profile_config": (_OBJECT, {"limit": 80}),
    "post_profile_config_restore": (_OBJECT, {"limit": 80}),
    "post_profile_config_diff": _DIFF,
    "get_profile_config_diff": _DIFF,
    "get_diff": _DIFF,
    "get_profile_diff": _DIFF,
    "get_events": (_EVENTS, _EVENT),
    "get_machine_events": (_EVENTS, _EVENT),
    "metrics": ({"type": "string"}, "iot_logic_dead_letters 0.0\n"),
}

#: The header of a response that a client can send back as `If-Match`.
ETAG: Final = {
    "description": "The entity tag of what you read. Send it as If-Match.",
    "schema": {"type": "string"},
    "example": '"3-5f3a9c0d"',
}

#: Headers of problems, by status.
PROBLEM_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "401": {
        "WWW-Authenticate": {
            "description": "The authentication scheme: a bearer token.",
            "required": True,
            "schema": {"type": "string"},
            "example": "Bearer",
        }
    },
    "429": {
        "Retry-After": {
            "description": "Seconds to wait before the next request.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
            "example": 1,
        }
    },
    "503": {
        "Retry-After": {
            "description": "Seconds to wait, if the API is too busy. Without it, a service is unavailable.",
            "schema": {"type": "integer", "minimum": 1},
            "example": 5,
        }
    },
}
