"""The names of all keys in Redis.

A name in braces keeps the keys of one machine on one node of a Redis Cluster.
"""

from typing import Final, Literal

from pipeline.model.machine import Condition
from pipeline.model.session import Fence

#: The index of all letters, by time.
ALL_KEY: Final = "dead-letters:all"

#: The secret that claims are signed with.
SECRET_KEY: Final = "dead-letters:secret"  # noqa: S105 - its name


def letter_keys(machine_id: str) -> list[str]:
    """A machine's keys that change together: letters, line, used."""
    letters = f"machine:{{{machine_id}}}:dead-letters"
    return [letters, f"{letters}:line", f"{letters}:used"]


def kind_key(kind: str) -> str:
    """The index of the letters of one kind, by time."""
    return f"dead-letters:kind:{kind}"


def condition_key(condition: Condition) -> str:
    """The key of the machines in this condition."""
    return f"{{{MACHINES_KEY}}}:{condition}"


#: All profiles (sorted, for paging).
PROFILES_KEY: Final = "profiles"


def recent_key(machine_id: str) -> str:
    """The key of a machine's last readings."""
    return f"machine:{{{machine_id}}}:recent"


#: The set of all machines that have a record or a logic (sorted, for paging).
MACHINES_KEY = "machines"


def record_key(machine_id: str) -> str:
    """The key of a machine's record."""
    return f"machine:{{{machine_id}}}:record"


def fence_key(fence: Fence) -> str:
    """The key that holds the name of the session that may write the records of a partition's machines."""
    return f"partition:{fence.partition}:session"


def note_key(session: bytes) -> str:
    """The key of what is known to be settled of a session."""
    return f"session:{session.hex()}"


#: Who can have a logic.
Kind = Literal["machine", "profile"]


def deployment_key(name: str, kind: Kind = "machine") -> str:
    """The key that says what a machine, or who follows a profile, is set up to run."""
    return f"{kind}:{{{name}}}:logic"


def versions_key(name: str, kind: Kind = "machine") -> str:
    """The key of the list of all versions, the first at place 0 with number 1."""
    return f"{kind}:{{{name}}}:versions"


def digests_key(name: str, kind: Kind = "machine") -> str:
    """The key of the hash that says the last version with a source, or with one and its examples."""
    return f"{kind}:{{{name}}}:digests"


def profile_machines_key(name: str) -> str:
    """The key of the set of machines that follow this profile."""
    return f"profile:{{{name}}}:machines"


def source_key(digest: str) -> str:
    """The key of a source."""
    return f"logic:{{{digest}}}"


def examples_key(digest: str) -> str:
    """The key of a version's examples."""
    return f"examples:{{{digest}}}"
