"""Checks of Redis: its version, whether it keeps all confirmed writes and loads them again, and its clock."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Final, cast

from pipeline.model.dead_letter import UNKNOWN_TOPIC
from pipeline.store.client import Client, RedisError, ResponseError, replicas_required
from pipeline.store.dead_letters import LetterStore
from web.cli.doctor.finding import Finding

_AREA: Final = "Redis"

#: The oldest version that has all commands in use.
_OLDEST: Final = (6, 2)
#: The used share of its memory above which the user is warned.
_FULL: Final = 0.8
#: The maximum difference between its clock and ours, in seconds.
_OFF: Final = 2.0

#: The permissions that the user must have under which Redis loads its file.
_ALL_RIGHTS: Final = "~* &* +@all"

_SET: Final = "{0} in redis.conf, or at once: redis-cli config set {0}"


def check_redis(client: Client) -> Iterator[Finding]:
    """Run all checks of Redis."""
    try:
        info = client.info()
        yield from _server(info)
        yield from _durability(client, info)
        yield from _replicas(client, info)
        yield from _replay(client)
        yield _clock(client)
        yield from _unknown_topics(client)
    except RedisError as e:
        yield Finding(
            _AREA,
            "wrong",
            f"Redis is unavailable: {e}",
            "Start it, or set IOT_LOGIC_REDIS_URL: redis://:password@host:port/database.",
        )


def _unknown_topics(client: Client) -> Iterator[Finding]:
    if number := LetterStore(client).count_kinds().get(UNKNOWN_TOPIC, 0):
        messages = "1 message" if number == 1 else f"{number} messages"
        yield Finding(
            "Devices",
            "note",
            f"{messages} came with a topic that no machine reads.",
            f"See which topics were meant: iot-logic dead-letters list --kind {UNKNOWN_TOPIC}",
        )


def _server(info: dict[str, Any]) -> Iterator[Finding]:
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(each) for each in version.split(".")[:2] if each.isdecimal())
    if numbers < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        yield Finding(_AREA, "wrong", f"Redis {version} is too old.", f"Upgrade to {oldest} or newer.")
    else:
        yield Finding(_AREA, "ok", f"Redis has version {version}.")
    if info.get("redis_mode") == "cluster" or info.get("cluster_enabled"):
        yield Finding(
            _AREA,
            "wrong",
            "This Redis is a node of a Redis Cluster, which is not supported.",
            "Use one primary with replicas and Sentinels.",
        )
    if info.get("role") != "master":
        yield Finding(
            _AREA,
            "wrong",
            f"This Redis is a {info.get('role')}. Writes to it are refused or lost.",
            "Set IOT_LOGIC_REDIS_URL to the primary.",
        )
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if most and used > _FULL * most:
        yield Finding(
            _AREA,
            "wrong",
            f"Redis uses {used / most:.0%} of its maxmemory. When the memory is full, readings wait.",
            "Raise maxmemory, or lower IOT_LOGIC_RECENT or IOT_LOGIC_DEAD_LETTERS_MAX.",
        )


def _replicas(client: Client, info: dict[str, Any]) -> Iterator[Finding]:
    """Check whether a failover loses nothing that was confirmed."""
    required, connected = replicas_required(client), int(info.get("connected_slaves", 0))
    if not required:
        if connected:
            yield Finding(
                _AREA,
                "wrong",
                f"Redis has {connected} replicas, but nothing waits for them. A failover loses the last "
                "writes.",
                "Set IOT_LOGIC_REDIS_REPLICAS=1, or the address of the Sentinels in IOT_LOGIC_REDIS_URL.",
            )
        return
    if connected < required:
        yield Finding(
            _AREA,
            "wrong",
            f"Redis has {connected} replicas, and {required} must have each write. No reading is "
            "acknowledged.",
            "Start the missing replicas.",
        )
    elif connected == required:
        yield Finding(
            _AREA,
            "note",
            f"Redis has {connected} replicas, and all of them must have each write. If one stops, readings "
            "wait.",
            "Run one replica more than IOT_LOGIC_REDIS_REPLICAS.",
        )
    else:
        yield Finding(_AREA, "ok", f"Each write is on {required} of {connected} replicas before it counts.")
    with contextlib.suppress(ResponseError):  # hosted services do not show their settings
        config = cast("dict[str, str]", client.config_get("min-replicas-to-write"))
        if int(config.get("min-replicas-to-write", 0)) < required:
            yield Finding(
                _AREA,
                "wrong",
                "A primary that has lost its replicas accepts writes that the next primary will not have.",
                _SET.format(f"min-replicas-to-write {required}"),
            )


def _durability(client: Client, info: dict[str, Any]) -> Iterator[Finding]:
    try:
        config = cast("dict[str, str]", client.config_get("*append*", "maxmemory-policy"))
    except ResponseError as e:
        yield Finding(
            _AREA,
            "note",
            f"The settings of Redis cannot be read: {e}",
            "Check them yourself: appendonly yes, appendfsync always, maxmemory-policy noeviction.",
        )
        return
    wrong = list(_lacking(config, info))
    yield from wrong
    if not wrong:
        yield Finding(
            _AREA, "ok", "Redis writes each change to disk before it confirms it, and evicts no keys."
        )


def _lacking(config: dict[str, str], info: dict[str, Any]) -> Iterator[Finding]:
    if config.get("appendonly") != "yes":
        yield Finding(
            _AREA,
            "wrong",
            "Redis does not append changes to its file. A restart loses states and logic.",
            _SET.format("appendonly yes"),
        )
    if config.get("appendfsync") != "always":
        yield Finding(
            _AREA,
            "wrong",
            f"Redis confirms changes before they are on disk (appendfsync {config.get('appendfsync')}). A "
            "crash of its host loses them.",
            _SET.format("appendfsync always"),
        )
    if config.get("no-appendfsync-on-rewrite") == "yes":
        yield Finding(
            _AREA,
            "wrong",
            "Redis does not sync changes to disk while it rewrites its file. A crash of its host loses them.",
            _SET.format("no-appendfsync-on-rewrite no"),
        )
    if (policy := config.get("maxmemory-policy")) != "noeviction":
        yield Finding(
            _AREA,
            "wrong",
            f"When its memory is full, Redis evicts keys (maxmemory-policy {policy}), so states and logic "
            "are lost.",
            _SET.format("maxmemory-policy noeviction"),
        )
    for field in ("aof_last_write_status", "aof_last_bgrewrite_status"):
        if info.get(field, "ok") != "ok":
            yield Finding(
                _AREA,
                "wrong",
                f"The last write of Redis to its file failed ({field} {info[field]}).",
                "Check its disk space and its log.",
            )


def _replay(client: Client) -> Iterator[Finding]:
    """Check whether Redis is permitted to replay its file when it starts.

    Redis replays the file as the user `default`, which is often left without permissions so that nobody can
    log in as it. Observed with 7.0.15: if that user lacks the permission for one command of a transaction,
    the whole transaction is skipped. Only a line in the log reports it.
    """
    try:
        user = cast("dict[str, list[str]]", client.acl_getuser("default") or {})
    except ResponseError as e:
        yield Finding(
            _AREA,
            "note",
            f"The permissions of the Redis user default cannot be read: {e}",
            f"Check them yourself: redis-cli acl getuser default must show {_ALL_RIGHTS}.",
        )
        return
    commands, keys = set(user.get("categories", [])), set(user.get("keys", []))
    if "+@all" not in commands or "-@write" in commands or not keys & {"~*", "*"}:
        yield Finding(
            _AREA,
            "wrong",
            "The Redis user default may not write. When Redis restarts, it replays its file as that user and "
            "skips every transaction, so changes are lost.",
            f"Run: redis-cli acl setuser default off resetpass {_ALL_RIGHTS}. Set the same in its "
            "configuration. Nobody can log in as a user that is off.",
        )


def _clock(client: Client) -> Finding:
    before = time.time()
    seconds, microseconds = client.time()
    after = time.time()
    there = seconds + microseconds / 1e6
    off = max(before - there, there - after, 0.0)
    if off > _OFF:
        return Finding(
            "clock",
            "wrong",
            f"The clocks of this host and of Redis differ by {off:.0f} s, so times are wrong.",
            "Synchronize both with NTP.",
        )
    return Finding("clock", "ok", "The clocks of this host and of Redis agree.")
