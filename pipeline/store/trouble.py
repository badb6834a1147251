"""Explanations of the errors of Redis for the operator, with the remedy."""

from typing import Final

from pipeline.store.client import RedisError, TooFewCopies

_CLUSTER: Final = "is a node of a Redis Cluster, which is not supported. Use one primary with replicas."

#: The state of Redis and the remedy, by the first word of its error.
_TROUBLES: Final = {
    "READONLY": "refuses writes because it is a read-only replica. Set IOT_LOGIC_REDIS_URL to the primary, "
    "or to its Sentinels.",
    "OOM": "refuses writes because its memory is full. Raise maxmemory, or lower IOT_LOGIC_RECENT or "
    "IOT_LOGIC_DEAD_LETTERS_MAX.",
    "MISCONF": "refuses writes because it cannot write to its disk. Look into its log, and free disk space.",
    "NOREPLICAS": "refuses writes because it has too few replicas (min-replicas-to-write). Start the missing "
    "ones.",
    "LOADING": "is still loading its data from disk.",
    "BUSY": "is busy with a script.",
    "NOAUTH": "requires a password. Put it into IOT_LOGIC_REDIS_URL.",
    "WRONGPASS": "rejected the user name or the password in IOT_LOGIC_REDIS_URL.",
    "MOVED": _CLUSTER,
    "CROSSSLOT": _CLUSTER,
    "CLUSTERDOWN": _CLUSTER,
}

#: The first words of the errors that the library recognises and shortens, by its class.
_WORDS: Final = {
    "ReadOnlyError": "READONLY",
    "OutOfMemoryError": "OOM",
    "BusyLoadingError": "LOADING",
    "AuthenticationError": "WRONGPASS",
    "MovedError": "MOVED",
    "ClusterDownError": "CLUSTERDOWN",
    "ClusterCrossSlotError": "CROSSSLOT",
}


def trouble_of(error: RedisError) -> str:
    """Return an explanation of an error of Redis, with the remedy, as sentences."""
    if isinstance(error, TooFewCopies):
        return f"Redis has too few replicas in step: {error}. Start the missing ones, or repair the network."
    first, _, _ = str(error).partition(" ")
    known = _TROUBLES.get(_WORDS.get(type(error).__name__, first.rstrip(":")))
    return f"Redis {known}" if known else f"Redis is unavailable: {str(error).rstrip('.')}."
