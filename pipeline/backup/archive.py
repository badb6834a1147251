"""A backup as a file: each machine and profile, with its versions, and the sources of all of them.

The file is gzip around frames. Each frame is four bytes of length (big-endian) and as many bytes of msgpack:
a `Header`, the machines, the profiles, the sources of logic, the examples, the sources of readings, the
routes of notifications, and an `End` that counts them, so that a truncated file is detected. Machines come
before profiles, and both before sources. A profile or source of logic is created before anything names it,
and sources of logic are never deleted. So every name in the file can be resolved, even if the system runs
while the file is written. The keys of each machine are read in one step, except its card.

The structs in the file are the same as in Redis: fields are only ever added to them, at the end. Any other
change gets a new `FORMAT`, and the reader reads all earlier formats.

The routes of notifications are in the file with their secrets, because they cannot be used without them.

Not in the file: readings and results on their way, which belong to the broker; dead letters, the last
readings, tokens and the audit trail.
"""

import gzip
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import msgspec
from msgspec import Struct, field

from pipeline.clock import now
from pipeline.errors import BackupError, SourceInvalid
from pipeline.model.about import NO_ABOUT, About
from pipeline.model.deployment import Deployment
from pipeline.model.notification import NotificationRoute
from pipeline.model.record import Record
from pipeline.model.topic_source import TopicSource
from pipeline.store.abouts import AboutStore
from pipeline.store.client import Client
from pipeline.store.configs import ConfigVersion, decoded_configs
from pipeline.store.keys import (
    MACHINES_KEY,
    PROFILES_KEY,
    OwnerKind,
    configs_key,
    deployment_key,
    examples_key,
    record_key,
    source_key,
    versions_key,
)
from pipeline.store.notification_routes import NotificationRoutes
from pipeline.store.records import Records
from pipeline.store.sources import checked_examples, checked_source
from pipeline.store.topic_sources import TopicSources
from pipeline.store.versions import Version
from pipeline.version import VERSION

#: The format that is written. All formats up to it can be read.
FORMAT: Final = 3

#: Maximum bytes of a frame: a machine with all its versions.
_FRAME: Final = 1 << 28
_LENGTH: Final = struct.Struct(">I")

#: Names that are read from Redis at once.
_CHUNK: Final = 500


class Header(Struct, frozen=True, tag="iot-logic backup"):
    """The header of the file: its format, when it was written (RFC 3339, UTC), and by which version."""

    format: int
    time: str
    version: str


class MachineEntry(Struct, frozen=True, tag="machine"):
    """A machine: its record (None if it has sent nothing), deployment, versions and card (None: no card).

    `configs` has the versions of its config, by number.
    """

    name: str
    record: Record | None
    deployment: Deployment = field(name="setup")
    versions: list[Version]
    configs: dict[int, ConfigVersion] = {}
    about: About | None = None


class ProfileEntry(Struct, frozen=True, tag="profile"):
    """A profile."""

    name: str
    deployment: Deployment = field(name="setup")
    versions: list[Version]
    configs: dict[int, ConfigVersion] = {}


class Text(Struct, frozen=True, tag="source"):
    """A source of versions. Compiled code is not kept: the reader compiles it again."""

    source: str


class Examples(Struct, frozen=True, tag="examples"):
    """Examples of versions, as JSON, with their digest."""

    digest: str
    examples: bytes


class End(Struct, frozen=True, tag="end"):
    """The last frame: the number of frames between the first one and this one."""

    entries: int


class ReadingsEntry(Struct, frozen=True, tag="topic source"):
    """A source of readings, with the number of its partition."""

    name: str
    partition: int
    source: TopicSource


class RouteEntry(Struct, frozen=True, tag="notification route"):
    """A route of notifications, with its secrets."""

    name: str
    route: NotificationRoute


Entry = MachineEntry | ProfileEntry | Text | Examples | ReadingsEntry | RouteEntry


def export(client: Client, path: Path) -> dict[str, int]:
    """Write a backup, and return the number of its entries by type.

    An existing file of this name is replaced when the backup is complete. Only its owner may read the file.
    Raises `RedisError`, `OSError`, and `BackupError` if a version has no valid source or examples.
    """
    names = {
        MachineEntry: "machines",
        ProfileEntry: "profiles",
        Text: "sources",
        Examples: "examples",
        ReadingsEntry: "topic_sources",
        RouteEntry: "notification_routes",
    }
    counts = dict.fromkeys(names.values(), 0)
    encode = msgspec.msgpack.Encoder().encode
    part = path.with_name(f"{path.name}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed:

                def write(frame: Header | Entry | End) -> None:
                    body = encode(frame)
                    packed.write(_LENGTH.pack(len(body)) + body)

                write(Header(FORMAT, now(), VERSION))
                for entry in _entries(client):
                    counts[names[type(entry)]] += 1
                    write(entry)
                write(End(sum(counts.values())))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return counts


def _entries(client: Client) -> Iterator[Entry]:
    records, abouts = Records(client), AboutStore(client)
    # Each digest, with one of the versions that it belongs to.
    sources, examples = dict[str, str](), dict[str, str]()

    def note(owner: str, encoded: list[bytes]) -> list[Version]:
        versions = _decoded(encoded)
        for number, each in enumerate(versions, start=1):
            sources.setdefault(each.digest, f"version {number} of the {owner}")
            if each.examples:
                examples.setdefault(each.examples, f"version {number} of the {owner}")
        return versions

    for name in _names(client, MACHINES_KEY):
        record, deployment, versions, configs = _read(client, name, "machine")
        stored = records.parse(record, deployment)
        if stored.known or versions:
            kept = stored.record if stored.recorded else None
            about = abouts.read([name])[name] if stored.deployment.described else NO_ABOUT
            listed = note(f"machine {name!r}", versions)
            yield MachineEntry(
                name,
                kept,
                stored.deployment,
                listed,
                _numbered(configs, stored.deployment),
                about if about != NO_ABOUT else None,
            )
    for name in _names(client, PROFILES_KEY):
        _, deployment, versions, configs = _read(client, name, "profile")
        if deployment is not None:
            parsed = Deployment.parse(deployment)
            listed = note(f"profile {name!r}", versions)
            yield ProfileEntry(name, parsed, listed, _numbered(configs, parsed))
    for digest, version in sorted(sources.items()):
        with _naming(version):
            yield Text(checked_source(digest, cast("bytes | None", client.get(source_key(digest)))).source)
    for digest, version in sorted(examples.items()):
        with _naming(version):
            value = cast("bytes | None", client.get(examples_key(digest)))
            yield Examples(digest, checked_examples(digest, value))
    for topic_source in TopicSources(client).list().partitions.values():
        if not topic_source.is_deleted:
            yield ReadingsEntry(topic_source.name, topic_source.partition, topic_source.source)
    for route in NotificationRoutes(client).list().routes.values():
        yield RouteEntry(route.name, route.route)


@contextmanager
def _naming(version: str) -> Iterator[None]:
    """Name the version to which an invalid source or examples belong. Raises `BackupError`."""
    try:
        yield
    except SourceInvalid as e:
        raise BackupError(
            f"The backup would be incomplete, so none was written. {e} It belongs to {version}; you can also "
            "delete that."
        ) from e


def _read(
    client: Client, name: str, kind: OwnerKind
) -> tuple[bytes | None, bytes | None, list[bytes], dict[int, ConfigVersion]]:
    with client.pipeline(transaction=True) as step:
        if kind == "machine":
            step.get(record_key(name))
        step.get(deployment_key(name, kind))
        step.lrange(versions_key(name, kind), 0, -1)
        step.hgetall(configs_key(name, kind))
        *record, deployment, versions, configs = step.execute()
    return (record[0] if record else None), deployment, versions, decoded_configs(configs)


def _numbered(configs: dict[int, ConfigVersion], deployment: Deployment) -> dict[int, ConfigVersion]:
    """Return the versions that the deployment counts.

    There may be others if an API process of an earlier release has changed the deployment.
    """
    return {number: each for number, each in configs.items() if number <= deployment.configs}


def _decoded(versions: Iterable[bytes]) -> list[Version]:
    return [msgspec.msgpack.decode(version, type=Version) for version in versions]


def _names(client: Client, key: str) -> Iterator[str]:
    start = "-"
    while names := cast("list[bytes]", client.zrangebylex(key, start, "+", 0, _CHUNK)):
        yield from (name.decode() for name in names)
        start = f"({names[-1].decode()}"


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a backup, in order.

    Raises `BackupError` if the file is not a backup or not complete, and `OSError`.
    """
    decode = msgspec.msgpack.Decoder(
        Header | MachineEntry | ProfileEntry | Text | Examples | ReadingsEntry | RouteEntry | End
    ).decode
    count = 0
    try:
        with gzip.open(path) as file:
            header = decode(_frame(file))
            if not isinstance(header, Header):
                raise BackupError(f"{path} is not a backup written by iot-logic export.")
            if header.format > FORMAT:
                raise BackupError(
                    f"{path} was written by version {header.version}, which this version cannot read. "
                    "Import it with that version."
                )
            while not isinstance(entry := decode(_frame(file)), End):
                if isinstance(entry, Header):
                    raise BackupError(f"{path} is damaged: it has two headers.")
                count += 1
                yield entry
            if entry.entries != count or file.read(1):
                raise BackupError(f"{path} is damaged: its number of entries is wrong.")
    except (EOFError, zlib.error, gzip.BadGzipFile, msgspec.MsgspecError) as e:
        raise BackupError(f"{path} is not a backup written by iot-logic export, or is cut off: {e}") from e


def _frame(file: gzip.GzipFile) -> bytes:
    head = file.read(_LENGTH.size)
    size = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    body = file.read(size) if 0 < size <= _FRAME else b""
    if not body or len(body) < size:
        raise EOFError("the file ends too early")
    return body
