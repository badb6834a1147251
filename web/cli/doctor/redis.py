"""Redis: its version, whether it keeps all that it has confirmed and reads it again, and its clock."""

import time
from collections.abc import Iterator
from typing import Any, Final, cast

from pipeline.store.client import Client, RedisError, ResponseError
from web.cli.doctor.finding import Finding

_AREA: Final = "Redis"

#: The oldest that has the commands that are used.
_OLDEST: Final = (6, 2)
#: The part of its memory from which on one should see to it.
_FULL: Final = 0.8
#: Seconds that its clock may differ from ours.
_OFF: Final = 2.0

#: What the user in whose name Redis reads its file must be able to do.
_ALL_RIGHTS: Final = "~* &* +@all"

_SET: Final = "{0} in redis.conf, or at once: redis-cli config set {0}"


def check_redis(client: Client) -> Iterator[Finding]:
    """What there is to say of Redis."""
    try:
        info = client.info()
        yield from _server(info)
        yield from _durability(client, info)
        yield from _replay(client)
        yield _clock(client)
    except RedisError as e:
        yield Finding(
            _AREA,
            "wrong",
            f"Redis cannot be used: {e}",
            "Start it, or set IOT_LOGIC_REDIS_URL: redis://:password@host:port/database.",
        )


def _server(info: dict[str, Any]) -> Iterator[Finding]:
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(each) for each in version.split(".")[:2] if each.isdecimal())
    if numbers < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        yield Finding(_AREA, "wrong", f"Redis {version} is too old.", f"Upgrade to {oldest} or newer.")
    else:
        yield Finding(_AREA, "ok", f"It is Redis {version}.")
    if info.get("role") != "master":
        yield Finding(
            _AREA,
            "wrong",
            f"It is a {info.get('role')} of another: what is written here is refused or lost.",
            "Set IOT_LOGIC_REDIS_URL to the primary.",
        )
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if most and used > _FULL * most:
        yield Finding(
            _AREA,
            "wrong",
            f"{used / most:.0%} of its maxmemory is used. When it is full, readings wait.",
            "Raise maxmemory, or lower IOT_LOGIC_RECENT or IOT_LOGIC_DEAD_LETTERS_MAX.",
        )


def _durability(client: Client, info: dict[str, Any]) -> Iterator[Finding]:
    try:
        config = cast("dict[str, str]", client.config_get("*append*", "maxmemory-policy"))
    except ResponseError as e:
        yield Finding(
            _AREA,
            "note",
            f"It does not let us see its settings: {e}",
            "See to it yourself: appendonly yes, appendfsync always, maxmemory-policy noeviction.",
        )
        return
    wrong = list(_lacking(config, info))
    yield from wrong
    if not wrong:
        yield Finding(_AREA, "ok", "It writes each change to its disk before it confirms it, and drops none.")


def _lacking(config: dict[str, str], info: dict[str, Any]) -> Iterator[Finding]:
    if config.get("appendonly") != "yes":
        yield Finding(
            _AREA,
            "wrong",
            "It does not append what it is told to its disk: a restart of it loses states and logic.",
            _SET.format("appendonly yes"),
        )
    if config.get("appendfsync") != "always":
        yield Finding(
            _AREA,
            "wrong",
            f"It confirms what is not on its disk yet (appendfsync {config.get('appendfsync')}): a crash of "
            "its machine loses that.",
            _SET.format("appendfsync always"),
        )
    if config.get("no-appendfsync-on-rewrite") == "yes":
        yield Finding(
            _AREA,
            "wrong",
            "It does not sync its disk while it rewrites its file.",
            _SET.format("no-appendfsync-on-rewrite no"),
        )
    if (policy := config.get("maxmemory-policy")) != "noeviction":
        yield Finding(
            _AREA,
            "wrong",
            f"When it is full, it deletes what it holds (maxmemory-policy {policy}): states and logic.",
            _SET.format("maxmemory-policy noeviction"),
        )
    for field in ("aof_last_write_status", "aof_last_bgrewrite_status"):
        if info.get(field, "ok") != "ok":
            yield Finding(
                _AREA,
                "wrong",
                f"It could not write its file lately ({field} {info[field]}).",
                "Look at the space on its disk, and at its log.",
            )


def _replay(client: Client) -> Iterator[Finding]:
    """Whether it may do again what is in its file when it starts.

    It does so in the name of the user `default`, which is often left without rights because nobody is to
    log in as it. Seen with 7.0.15: what that user may not do of a transaction has the whole of it left out,
    and a line in the log is all that tells.
    """
    try:
        user = cast("dict[str, list[str]]", client.acl_getuser("default") or {})
    except ResponseError as e:
        yield Finding(
            _AREA,
            "note",
            f"It does not let us see what its user default may: {e}",
            f"See to it yourself: redis-cli acl getuser default must say {_ALL_RIGHTS}.",
        )
        return
    commands, keys = set(user.get("categories", [])), set(user.get("keys", []))
    if "+@all" not in commands or "-@write" in commands or not keys & {"~*", "*"}:
        yield Finding(
            _AREA,
            "wrong",
            "Its user default may not write: when Redis starts again it reads its file in that user's name, "
            "and leaves out every transaction.",
            f"redis-cli acl setuser default off resetpass {_ALL_RIGHTS}, and likewise in its configuration: "
            "nobody can log in as a user that is off.",
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
            f"The clocks of this host and of Redis are {off:.0f} s apart: times that are shown are wrong.",
            "Have both set by NTP.",
        )
    return Finding("clock", "ok", "The clocks of this host and of Redis agree.")
