"""Examples for the documents, one for each field name. Request and response bodies consist of them.

If a field has another meaning in one Struct than elsewhere, its key includes the Struct: `Token.name`.
Examples in a field's `Meta` are used first. A test checks that every field has an example and that each
example matches its schema.
"""

from typing import Any, Final

_TIME: Final = "2026-11-23T08:15:30.123Z"
_DIGEST: Final = "5f3a9c0d1e2b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5"
_LOGIC: Final = """\
def process(data, state):
    if data["temperature"] > 90:
        state["hot"] = state.get("hot", 0) + 1
        return {"alarm": "too hot", "times": state["hot"]}
"""
_WORKER: Final = "press-1-4711-5f3a9c0d"

#: The example of each field and of each parameter.
FIELDS: Final[dict[str, Any]] = {
    "action": "logic.upload",
    "after": 4,
    "assigned_to": _WORKER,
    "author": "line-4",
    "before": 3,
    "cause": "5f0c7be1a1d3e2c4",
    "comment": "Alarm at 90 degrees instead of 80",
    "compression": "none",
    "content_type": "application/json",
    "created": _TIME,
    "detail": "The machine 'furnace' has no logic deployed.",
    "digest": _DIGEST,
    "expires": "2027-02-21T08:15:30.123Z",
    "format": "json",
    "held_by": [_WORKER],
    "host": "press-1",
    "if_match": '"3-5f3a9c0d"',
    "kind": "error",
    "kinds": {"error": 1},
    "last_seen": _TIME,
    "last_used": _TIME,
    "limit": None,
    "line": 2,
    "logic": _LOGIC,
    "logicprofile": None,
    "logicversion": 3,
    "machine": "furnace",
    "machine_id": "furnace",
    "max": 100_000,
    "message": "'>' is not supported between None and a number",
    "message_id": "0b6d1f0e-4f0c-4c36-9d0e-0d7a6f5f1c11",
    "name": "line-4",
    "newest": _TIME,
    "next": None,
    "number": 17,
    "oldest": _TIME,
    "partition": 3,
    "pid": 4711,
    "prefix": "furn",
    "profile": "furnaces",
    "reading": {"temperature": None},
    "routing_key": "machines.furnace.data",
    "received": _TIME,
    "timer": None,
    "sent_again": None,
    "sent_before": None,
    "silent_after_seconds": 90_000,
    "since": "2026-11-23T00:00:00Z",
    "source": _LOGIC,
    "target": "furnace",
    "text": 'if data["temperature"] > 90:',
    "time": _TIME,
    "title": "Not Found",
    "to": 4,
    "token": "iot_line-4_" + "0" * 64,
    "type": "about:blank",
    "until": "2026-11-24T00:00:00Z",
    "version": 4,
    "waiting": 0,
    "warning": None,
    "who": "line-4",
    "accepted": True,
    "readings": [{"temperature": 91.5}],
    "state": {},
    "stopped": None,
    "timers": {"silence": "2026-11-23T09:00:30.123Z"},
    "MachineTrialOrder.received": [_TIME],
    "TrialOrder.received": [_TIME],
    "timers_after": {"silence": "2026-11-23T09:00:30.123Z"},
    "wait": 2700,
    "EffectiveConfig.config": {"limit": 80, "unit": "bar"},
    "WholeConfigVersion.config": {"limit": 80},
    "inherited": ["unit"],
    "replaced": ["limit"],
    "Accepted.version": 4,
    "Uploaded.version": 4,
    "Uploaded.notes": [],
    "CauseSummary.sent_again": 0,
    "CauseSummary.sent_before": 0,
    "MachineOfCause.sent_again": 0,
    "AllowedName.name": "sqrt",
    "AllowedName.what": "square root",
    "AllowedNames.kind": "module",
    "AllowedNames.of": "math",
    "Outage.message": "No worker runs, or none is connected to RabbitMQ: readings wait.",
    "Outage.part": "workers",
    "Outage.since": "2026-11-23T08:11:02.512Z",
    "OutageList.checked": "2026-11-23T08:15:29.431Z",
    "Example.name": "an alarm above 90 degrees",
    "Example.results": [{"alarm": "too hot", "times": 1}],
    "Example.steps": None,
    "Example.state_after": {"hot": 1},
    "Example.alarms_after": ["too-hot"],
    "Schedule.every_seconds": None,
    "NewSchedule.every_seconds": None,
    "ScheduleToTry.every_seconds": None,
    "ScheduledTime.time": "2026-11-23T13:00:00.000Z",
    "DuplicateRule.field": "seq",
    "NewDuplicateRule.field": "seq",
    "LogicLimit.name": "fuel",
    "LogicLimit.value": 100_000,
    "LogicLimit.unit": "ticks",
    "LogicLimit.reason": "Work of one reading.",
    "MachineTrialReport.errors": [],
    "MachineTrialReport.notes": [],
    "Mismatch.example": "an alarm above 90 degrees",
    "Mismatch.reading": 1,
    "Mismatch.step": None,
    "Mismatch.message": "The result differs.",
    "Mismatch.expected": {"alarm": "too hot", "times": 1},
    "Mismatch.got": None,
    "Mismatch.line": None,
    "Problem.column": 1,
    "TrialReport.errors": [],
    "TrialReport.notes": [],
    "Tried.error": None,
    "Tried.outcome": "ok",
    "Tried.peaks": {"steps": 12},
    "Tried.reading": '{"temperature": 91.5}',
    "Tried.results": [{"alarm": "too hot", "times": 1}],
    "Tried.state": {"hot": 1},
    "Tried.timer": None,
    "CheckResult.errors": [],
    "CheckResult.notes": [],
    "CheckResult.examples": [],
    "About.name": "Furnace of hall 2",
    "About.description": "Burners were replaced in May.",
    "About.line": "Line 3",
    "About.location": "Hall 2, column B7",
    "tags": ["gas", "old"],
    "list_machines.text": "press",
    "list_machines.tag": "old",
    "list_machines.line": "Line 3",
    "list_groups.by": "line",
    "MachineGroup.name": "Line 3",
    "MachineGroup.health": {
        "running": 96,
        "failing": 1,
        "silent": 2,
        "quarantined": 0,
        "paused": 1,
        "new": 0,
    },
    "AuditEntry.id": "1795421730123-0",
    "HealthCounts.health": {
        "running": 96,
        "failing": 1,
        "silent": 2,
        "quarantined": 0,
        "paused": 1,
        "new": 0,
    },
    "HealthCounts.machines": 100,
    "Links.rabbitmq": "http://127.0.0.1:15672",
    "Links.docs": None,
    "case": "lower",
    "device": "Tasmota",
    "filter": "tele/{machine}/SENSOR",
    "key": "tele.furnace.SENSOR",
    "note": "With the default FullTopic.",
    "pattern": "tele.*.SENSOR",
    "queue": "readings.1000",
    "rename": {"tasmota_1ac3d4": "furnace"},
    "topic": "tele/furnace/SENSOR",
    "PartitionState.source": None,
    "QueueState.source": None,
    "SourceDetails.name": "hall-2",
    "SourceDetails.partition": 1000,
    "SourceDetails.prefix": "hall-2-",
    "SourceDetails.state": "active",
    "SourcePreset.name": "tasmota",
    "SourcePreset.source": {"filter": "tele/{machine}/SENSOR"},
    "SourceRemoval.name": "hall-2",
    "SourceRemoval.readings": 0,
    "NewSource.prefix": "hall-2-",
    "TopicSource.prefix": "hall-2-",
    "TriedTopic.message": "It is a reading of the machine furnace, by the source hall-2.",
    "TriedTopic.source": "hall-2",
    "RouteDetails.name": "shift",
    "RouteDetails.alarm": "bearing-*",
    "RouteDetails.machine": "press-*",
    "RouteDetails.failed": 0,
    "RouteDetails.pending": 0,
    "RouteDetails.omitted": 0,
    "RouteDetails.profile": None,
    "RouteDetails.last_delivered": _TIME,
    "RouteDetails.last_failed": None,
    "RouteDetails.last_error": None,
    "RouteDetails.remind_minutes": 30,
    "RouteDetails.escalate_to": "manager",
    "RouteDetails.escalate_after_minutes": 15,
    "RouteDetails.per_minute": 6,
    "RouteDetails.quiet_hours": None,
    "RouteDetails.email": None,
    "RouteDetails.apprise": None,
    "RouteDetails.scope": "all",
    "RouteDetails.severity": "major",
    "RouteDetails.cleared": True,
    "RouteDetails.allow_private": False,
    "RouteSummaries.email": True,
    "WebhookDetails.url": "https://shift.example.com/alarms",
    "WebhookDetails.has_secret": True,
    "EmailDetails.to": ["shift@example.com"],
    "NewNotificationRoute.profile": None,
    "NewNotificationRoute.remind_minutes": 30,
    "NewNotificationRoute.escalate_to": None,
    "NewNotificationRoute.escalate_after_minutes": None,
    "NewNotificationRoute.email": None,
    "NewNotificationRoute.apprise": None,
    "NotifiedChange.alarm": "bearing-hot",
    "NotifiedChange.message": "The bearing is at 97 °C.",
    "NotificationDetails.id": "shift:0b6d1f0e4f0c4c369d0e0d7a6f5f1c11",
    "NotificationDetails.route": "shift",
    "NotificationDetails.count": 1,
    "NotificationDetails.more": 0,
    "NotificationDetails.attempts": 1,
    "NotificationDetails.error": "the webhook answered 404 Not Found",
    "NotificationDetails.state": "failed",
    "NotificationDetails.last_attempt": _TIME,
    "NotificationDetails.next_attempt": None,
    "NotificationPage.waiting": [],
    "NotificationPage.total_waiting": 0,
    "NotificationPage.total_failed": 1,
    "NotificationPage.next": None,
    "TriedRoute.answer": "204 No Content",
    "TriedRoute.delivered": True,
    "TriedRoute.error": None,
    "list_notifications.before": "1795421730123-shift:0b6d1f0e4f0c4c369d0e0d7a6f5f1c11",
    "list_machines.profile": "furnaces",
    "list_changes.before": "1795421730123-0",
    "DeadLetter.id": "furnace/17",
    "ProfileSummary.name": "furnaces",
    "Readiness.status": "ready",
    "MachineSummary.id": "furnace",
    "Problem.text": "import os",
    "Problem.line": 1,
    "Problem.message": "`os` cannot be imported.",
    "Problem.hint": "Of modules there are math, statistics, json and datetime.",
    "ProblemDetails.detail": "The logic was refused: it has a problem. The deployed version has not changed.",
    "ProblemDetails.title": "Unprocessable Entity",
    "ProblemDetails.errors": [
        {
            "line": 1,
            "column": 1,
            "text": "import os",
            "message": "`os` cannot be imported.",
            "hint": "Of modules there are math, statistics, json and datetime.",
        }
    ],
    "ProblemDetails.status": 422,
    "RecentReading.bytes": 21,
    "RecentReading.error": None,
    "RecentReading.outcome": "ok",
    "RecentReading.reading": {"temperature": 91.5},
    "RecentReading.results": [{"alarm": "too hot", "times": 1}],
    "RecentReading.whole": True,
    "written": None,
    "numbers": None,
    "RecentResult.data": {"alarm": "too hot", "times": 1},
    "RecentResult.id": "17",
    "WorkerStatus.id": _WORKER,
    "WorkerStatus.version": "0.1.0",
    "WorkerStatus.metrics": "http://press-1:8101/metrics",
    "WorkerStatus.since": _TIME,
    "WorkerStatus.sandbox_restart_causes": {"hard_seconds": 1},
    "Holding.taken": _TIME,
    "Holding.overflow_taken": None,
    "QueueState.name": "readings.3",
    "QueueState.taken": _TIME,
    "Targets.targets": ["press-1:8101"],
    "Targets.labels": {"__meta_iot_logic_worker": _WORKER, "__meta_iot_logic_host": "press-1"},
    "WholeDeadLetter.id": "furnace/17",
    "WholeMachine.id": "furnace",
    "WholeMachine.timers": {"silence": "2026-11-23T09:00:30.123Z"},
    "WholeMachine.schedules": {"shift-end": "2026-11-23T13:00:00.000Z"},
    "WholeMachine.timers_run": 4,
    "AlarmDetails.name": "too-hot",
    "AlarmDetails.severity": "major",
    "AlarmDetails.message": "The bearing is at 97 °C.",
    "AlarmDetails.details": {"celsius": 97},
    "AlarmDetails.cleared": None,
    "JournalEntry.id": "1795853730123-0",
    "JournalEntry.action": "raised",
    "JournalEntry.cleared": None,
    "JournalEntry.cause": "17",
    "raised": _TIME,
    "minutes": 60,
    "NewAcknowledgement.comment": "I am on my way",
    "NewShelving.comment": "The sensor is being replaced",
    "AcknowledgedBy.comment": "I am on my way",
    "ShelvedBy.comment": "The sensor is being replaced",
}

_MISSING: Final = object()


def example(schema: dict[str, Any], schemas: dict[str, Any], path: str = "") -> Any:
    """Return an example for a JSON schema. `schemas` are the components, `path` is `Struct.field`."""
    if path in FIELDS:
        return FIELDS[path]
    if (name := path.rpartition(".")[2]) in FIELDS and _fits(FIELDS[name], schema):
        return FIELDS[name]
    if (found := _said(schema)) is not _MISSING:
        return found
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example(schemas[name], schemas, name)
    choices = [each for key in ("anyOf", "oneOf") for each in schema.get(key, ())]
    for each in choices:
        if each.get("type") != "null":
            return example(each, schemas, path)
    return _of_type(schema, schemas, path)


def _said(schema: dict[str, Any]) -> Any:
    """Return the example that the schema itself contains."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    return _MISSING


def _of_type(schema: dict[str, Any], schemas: dict[str, Any], path: str) -> Any:
    match schema.get("type"):
        case "object":
            struct = path.partition(".")[0] if "properties" in schema else path
            return {
                name: example(each, schemas, f"{struct}.{name}")
                for name, each in schema.get("properties", {}).items()
            }
        case "array":
            return [example(schema["items"], schemas, path)] if "items" in schema else []
        case "integer":
            return max(1, int(schema.get("minimum", 1)))
        case "number":
            return max(0.5, schema.get("minimum", 0.5))
        case "boolean":
            return schema.get("default", False)
        case "string":
            return schema.get("default", "")
    return None


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    """Return whether a value has the schema's type, so that one name can serve fields of several types."""
    if "anyOf" in schema or "oneOf" in schema:
        return any(_fits(value, each) for key in ("anyOf", "oneOf") for each in schema.get(key, ()))
    kinds: dict[str, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
    }
    kinds |= {"object": dict, "null": type(None)}
    if "$ref" in schema:
        return False
    if "items" in schema and isinstance(value, list):
        return all(_fits(each, schema["items"]) for each in value)
    if "enum" in schema and value not in schema["enum"]:
        return False
    kind = schema.get("type")
    return kind is None or isinstance(value, kinds[kind])
