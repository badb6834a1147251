"""The names of all keys in Redis.

A name in braces keeps the keys of one machine on one node of a Redis Cluster.
"""

from typing import Final, Literal

from pipeline.model.machine import Condition
from pipeline.model.session import Fence

#: The owners of logic.
OwnerKind = Literal["machine", "profile"]

# Machines, and the sessions that write them.

#: All machines that have a record or a deployment (sorted, for paging).
MACHINES_KEY: Final = "machines"

#: All machines, by when each was last seen.
MACHINES_SEEN_KEY: Final = f"{{{MACHINES_KEY}}}:seen"


#: The machines whose settings say when they are silent: by these seconds, by when each was last seen, and by
#: when each becomes silent.
MACHINES_SILENT_AFTER_KEY: Final = f"{{{MACHINES_KEY}}}:silent-after"
MACHINES_SILENT_AFTER_SEEN_KEY: Final = f"{{{MACHINES_KEY}}}:silent-after:seen"
MACHINES_SILENT_AT_KEY: Final = f"{{{MACHINES_KEY}}}:silent-at"


def source_machines_key(partition: int) -> str:
    """Return the key of the set of machines whose home is this partition of a source."""
    return f"{{{MACHINES_KEY}}}:home:{partition}"


def condition_key(condition: Condition) -> str:
    """Return the key of the machines in this condition."""
    return f"{{{MACHINES_KEY}}}:{condition}"


def record_key(machine_id: str) -> str:
    """Return the key of a machine's record."""
    return f"machine:{{{machine_id}}}:record"


def recent_key(machine_id: str) -> str:
    """Return the key of a machine's last readings."""
    return f"machine:{{{machine_id}}}:recent"


def fence_key(fence: Fence) -> str:
    """Return the key with the name of the session that may write the records of a partition's machines."""
    return f"partition:{fence.partition}:session"


def timers_key(partition: int) -> str:
    """Return the key of the machines of a partition that have timers, by when the first one is due."""
    return f"partition:{partition}:timers"


def note_key(session: bytes) -> str:
    """Return the key of the note that says how far a session is settled."""
    return f"session:{session.hex()}"


# Sources of readings.

#: All sources by name, and the number of their changes.
TOPIC_SOURCES_KEY: Final = "{topic-sources}"
TOPIC_SOURCES_CHANGES_KEY: Final = "{topic-sources}:changes"

#: The number of the last partition of a source.
TOPIC_SOURCES_PARTITION_KEY: Final = "{topic-sources}:partition"

#: The numbers of the partitions of deleted sources.
TOPIC_SOURCES_RETIRED_KEY: Final = "{topic-sources}:retired"

#: The rules for ids that each partition of a source uses.
TOPIC_SOURCES_RULES_KEY: Final = "{topic-sources}:rules"


# The cards of machines.

#: The card of each machine, and the text in which a search looks.
ABOUT_KEY: Final = f"{{{MACHINES_KEY}}}:about"
ABOUT_TEXT_KEY: Final = f"{{{MACHINES_KEY}}}:about:text"

#: All tags, and all lines (sorted, for paging).
TAGS_KEY: Final = f"{{{MACHINES_KEY}}}:tags"
LINES_KEY: Final = f"{{{MACHINES_KEY}}}:lines"


def tag_machines_key(tag: str) -> str:
    """Return the key of the set of machines with this tag."""
    return f"{{{MACHINES_KEY}}}:tag:{tag}"


def line_machines_key(line: str) -> str:
    """Return the key of the set of machines of this line."""
    return f"{{{MACHINES_KEY}}}:line:{line}"


# Logic.

#: All profiles (sorted, for paging).
PROFILES_KEY: Final = "profiles"


def profile_machines_key(name: str) -> str:
    """Return the key of the set of machines that follow this profile."""
    return f"profile:{{{name}}}:machines"


def deployment_key(name: str, kind: OwnerKind = "machine") -> str:
    """Return the key of the deployment of a machine or profile."""
    return f"{kind}:{{{name}}}:logic"


def versions_key(name: str, kind: OwnerKind = "machine") -> str:
    """Return the key of the list of all versions. The version at place 0 has number 1."""
    return f"{kind}:{{{name}}}:versions"


def digests_key(name: str, kind: OwnerKind = "machine") -> str:
    """Return the key of the hash that maps a source, or a source with its examples, to its last version."""
    return f"{kind}:{{{name}}}:digests"


def configs_key(name: str, kind: OwnerKind = "machine") -> str:
    """Return the key of the hash with the last versions of the config, by number."""
    return f"{kind}:{{{name}}}:configs"


def source_key(digest: str) -> str:
    """Return the key of a source."""
    return f"logic:{{{digest}}}"


def examples_key(digest: str) -> str:
    """Return the key of a version's examples."""
    return f"examples:{{{digest}}}"


# Dead letters.

#: All dead letters, by time.
LETTERS_KEY: Final = "dead-letters:all"

#: The secret that signs claims.
CLAIM_SECRET_KEY: Final = "dead-letters:secret"  # noqa: S105 - its name


def letters_of_kind_key(kind: str) -> str:
    """Return the key of the dead letters of one kind, by time."""
    return f"dead-letters:kind:{kind}"


def letter_keys(machine_id: str) -> list[str]:
    """Return the keys of a machine's letters, which change together: letters, line, used."""
    letters = f"machine:{{{machine_id}}}:dead-letters"
    return [letters, f"{letters}:line", f"{letters}:used"]


# Notifications.

#: All routes by name, and the number of their changes.
NOTIFICATION_ROUTES_KEY: Final = "{notifications}:routes"
NOTIFICATION_ROUTES_CHANGES_KEY: Final = "{notifications}:routes:changes"

#: The position in the journal of alarms up to which its changes are taken.
NOTIFICATIONS_TAKEN_KEY: Final = "{notifications}:taken"

#: The routes by when each has something to do next, and who works on each.
NOTIFICATIONS_DUE_KEY: Final = "{notifications}:due"
NOTIFICATION_LEASES_KEY: Final = "{notifications}:leases"

#: The watches of all routes by when each is due for a reminder or an escalation.
WATCHES_DUE_KEY: Final = "{notifications}:watches-due"

#: How many changes were left out, by route.
NOTIFICATIONS_OMITTED_KEY: Final = "{notifications}:omitted"

#: What happened last, by route.
NOTIFICATION_STATES_KEY: Final = "{notifications}:states"

#: The deliveries that wait, by id; those that have failed for good by time, and by id.
DELIVERIES_KEY: Final = "{notifications}:deliveries"
FAILED_DELIVERIES_TIMES_KEY: Final = "{notifications}:failed"
FAILED_DELIVERIES_KEY: Final = "{notifications}:failed:deliveries"


def route_keys(route: str) -> list[str]:
    """Return the keys of a route, which change together.

    They have the changes to tell (by when they are due, and each), the watches, and the deliveries that wait
    by when each is tried next.
    """
    return [f"{{notifications}}:{what}:{route}" for what in ("pending", "items", "watches", "waiting")]


# Workers and users.

#: When each worker last reported (score: seconds of Redis's clock), and its report.
WORKERS_SEEN_KEY: Final = "{workers}:seen"
WORKER_REPORTS_KEY: Final = "{workers}:reports"
WORKERS_WITHOUT_RABBITMQ_KEY: Final = "{workers}:without-rabbitmq"

#: All tokens by name, and when each was last used.
TOKENS_KEY: Final = "tokens"
TOKENS_USED_KEY: Final = "tokens:used"

#: The audit trail.
AUDIT_KEY: Final = "audit"


#: A key without a meaning, which the readiness check writes.
READY_KEY: Final = "ready"

# Alarms.

#: The open alarms, by machine and name; those of the plant have no machine.
ALARMS_OPEN_KEY: Final = "{alarms}:open"

#: The open alarms, by when they were raised, and those that are shelved, by until when.
ALARMS_RAISED_KEY: Final = "{alarms}:raised"
ALARMS_SHELVED_KEY: Final = "{alarms}:shelved"

#: All changes of alarms, oldest first.
ALARMS_JOURNAL_KEY: Final = "{alarms}:journal"

#: The process that raises and clears the plant's own alarms.
ALARMS_WATCH_KEY: Final = "{alarms}:watch"

#: The alarms of the plant itself.
PLANT_ALARMS_KEY: Final = "{alarms}:plant"


def alarms_relay_key(relay: str) -> str:
    """Return the key of the process that publishes changes, or tells of them."""
    return f"{{alarms}}:{relay}:by"


def alarms_relayed_key(relay: str) -> str:
    """Return the key of the last change that was published, or told."""
    return f"{{alarms}}:{relay}"
