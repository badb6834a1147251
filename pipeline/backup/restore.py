"""Writes a backup into Redis, so that the restored system continues from it. The rules:

1.  *The file is read to its end before anything is changed*, and each version must have its source in it. A
    source of readings that cannot be restored beside those that exist is found then too.
2.  *Sources come first, then profiles, then machines*, so that every deployed version can be run. If the
    process is killed halfway, the restore is repeated.
3.  *Each machine is written in one step*, over the record that was read in it. A batch that runs meanwhile
    finds another token on the record, and reads it again.
4.  *The data that identifies readings belongs to the broker, not to the machine*: session, tag, marks,
    places, and the messages to publish (`pipeline.model.record`). On another broker, the marks could be taken
    for those of new readings. So a machine that exists here keeps its own, and a new machine begins without
    any.
5.  *A number is never used twice*: the number of a machine that exists here does not decrease. A machine that
    continued after the backup and was lost skips `ahead` numbers and places in its order.
6.  *Sources of readings keep the numbers of their partitions* if Redis was emptied, because RabbitMQ may
    still have their queues.
    An API process declares missing queues and bindings (`pipeline.plant.topic_sources`).
7.  *Routes of notifications replace those of the same name.* Alarms that are open are not told again. Those
    that are open here and not in the backup end.
8.  *Code is compiled again* if this system signs it, with its own key.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Final, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.backup.archive import (
    Entry,
    Examples,
    MachineEntry,
    ProfileEntry,
    ReadingsEntry,
    RouteEntry,
    Text,
    read,
)
from pipeline.clock import milliseconds_now
from pipeline.errors import AboutRefused, BackupError, RouteRefused, SourceRefused
from pipeline.model.about import NO_ABOUT, checked_about
from pipeline.model.alarm import Alarm, Alarms
from pipeline.model.deployment import Deployment
from pipeline.model.notification import NotificationRoute, checked_route
from pipeline.model.record import Record
from pipeline.model.timer import next_due
from pipeline.model.topic_source import FIRST_PARTITION, checked
from pipeline.settings import JOURNAL_MAX
from pipeline.store.abouts import AboutStore
from pipeline.store.client import Client, Pipeline
from pipeline.store.configs import VERSIONS, ConfigVersion
from pipeline.store.deployments import MachineDeployments
from pipeline.store.keys import (
    MACHINES_KEY,
    PROFILES_KEY,
    OwnerKind,
    configs_key,
    deployment_key,
    digests_key,
    profile_machines_key,
    recent_key,
    record_key,
    timers_key,
    versions_key,
)
from pipeline.store.machine_index import MachineIndex
from pipeline.store.notification_routes import NotificationRoutes
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Records
from pipeline.store.sources import Sources
from pipeline.store.timers import TimerIndex
from pipeline.store.topic_sources import TopicSources
from pipeline.wire import is_machine_id
from sandbox.job import digest_of

#: Machines that are added to the index at once.
_CHUNK: Final = 200

#: The most partitions of sources that were ever given, which no installation reaches.
_PARTITIONS: Final = 2**31

#: Compiles a source; None if it is refused.
Compile = Callable[[str], bytes | None]


class Restored(Struct):
    """The restored objects, and the sources that this version refuses, by digest."""

    machines: int = 0
    profiles: int = 0
    topic_sources: int = 0
    notification_routes: int = 0
    refused: list[str] = []


class Restore:
    """Writes backups into one Redis. Every method may raise `RedisError`."""

    def __init__(
        self, client: Client, signing_key: str, compiled: Compile, alarm_journal_max: int = JOURNAL_MAX
    ) -> None:
        self._redis = client
        self._compile = compiled if signing_key else None
        self._sources = Sources(client, signing_key)
        self._records = Records(client, alarm_journal_max=alarm_journal_max)
        self._topic_sources = TopicSources(client)
        self._routes = NotificationRoutes(client)
        self._timers = TimerIndex(client)
        self._abouts = AboutStore(client)
        self._index = MachineIndex(client, self._records)
        self._profiles = ProfileStore(client, MachineDeployments(client), self._records)

    def restore(
        self, path: Path, *, only: Collection[str] = (), force: bool = False, ahead: int = 0
    ) -> Restored:
        """Restore a backup: all of it, or `only` these machines, with the profiles that are missing.

        If Redis is not empty, restoring all of it needs `force`: the contents of the backup replace those in
        Redis, and the rest stays. Raises `BackupError` before anything is changed, and `OSError`.
        """
        self._check(path, only)
        if not only and not force and (self._redis.exists(MACHINES_KEY, PROFILES_KEY)):
            raise BackupError(
                "This system already has machines or profiles, so nothing was imported. Name the machines to "
                "replace with --replace MACHINE …, or replace everything that is in the file with --force."
            )
        if not only:
            self._check_sources(path)
        done, entered, reentered = Restored(), list[str](), list[str]()
        wanted = {
            each.deployment.profile
            for each in read(path)
            if isinstance(each, MachineEntry) and each.name in only
        }
        for entry in read(path):
            if isinstance(entry, Text):
                self._keep(entry.source, done)
            elif isinstance(entry, Examples):
                self._sources.keep_examples(entry.examples)
        for entry in read(path):
            if isinstance(entry, ProfileEntry) and (
                not only or (entry.name in wanted and not self._has(entry.name))
            ):
                if self._has(entry.name):
                    reentered.append(entry.name)
                self._put_profile(entry)
                done.profiles += 1
        for entry in read(path):
            if isinstance(entry, MachineEntry) and (not only or entry.name in only):
                self._put_machine(entry, ahead)
                entered.append(entry.name)
            elif isinstance(entry, ReadingsEntry) and not only:
                self._topic_sources.restore(entry.name, entry.source, entry.partition)
                done.topic_sources += 1
        if not only:
            routes = _routes(path)
            self._routes.restore(routes)
            done.notification_routes = len(routes)
        for start in range(0, len(entered), _CHUNK):
            self._index.enter(entered[start : start + _CHUNK])
            self._reschedule(entered[start : start + _CHUNK])
        # Other machines may follow them too, and their settings may have changed.
        for name in reentered:
            self._profiles.reenter(name)
            for machine_ids in self._profiles.machines(name):
                self._reschedule(machine_ids)
        for kept in self._topic_sources.list().sources.values() if done.topic_sources else ():
            self._index.enter_home(kept.partition)
        done.machines = len(entered)
        return done

    def _reschedule(self, machine_ids: Iterable[str]) -> None:
        self._timers.reschedule(self._records, self._topic_sources, machine_ids)

    def _check(self, path: Path, only: Collection[str]) -> None:
        needed, there, machines = set[str](), set[str](), set[str]()
        examples_needed, examples_there = set[str](), set[str]()
        for entry in read(path):
            if isinstance(entry, Text):
                there.add(digest_of(entry.source))
            elif isinstance(entry, Examples):
                examples_there.add(hashlib.sha256(entry.examples).hexdigest())
            elif isinstance(entry, ReadingsEntry):
                _check_source(entry)
            elif isinstance(entry, RouteEntry):
                _check_route(entry)
            else:
                _check_entry(entry)
                needed |= {each.digest for each in entry.versions}
                examples_needed |= {each.examples for each in entry.versions if each.examples}
                machines |= {entry.name} if isinstance(entry, MachineEntry) else set()
        if needed - there:
            raise BackupError(
                f"{path} is incomplete: the sources of {len(needed - there)} versions are missing."
            )
        if examples_needed - examples_there:
            raise BackupError(
                f"{path} is incomplete: {len(examples_needed - examples_there)} sets of examples are missing."
            )
        if missing := set(only) - machines:
            raise BackupError(f"{path} does not contain the machine {', '.join(sorted(missing))}.")

    def _check_sources(self, path: Path) -> None:
        sources = {each.name: each.source for each in read(path) if isinstance(each, ReadingsEntry)}
        try:
            self._topic_sources.check_restorable(sources)
        except SourceRefused as e:
            raise BackupError(f"Nothing was imported, because of a source of readings. {e}") from e
        try:
            self._routes.check_restorable(_routes(path))
        except RouteRefused as e:
            raise BackupError(f"Nothing was imported, because of a notification route. {e}") from e

    def _keep(self, source: str, done: Restored) -> None:
        code = self._compile(source) if self._compile else None
        digest = self._sources.keep(source, code)
        if self._compile and code is None:
            done.refused.append(digest)

    def _has(self, profile: str) -> bool:
        return bool(self._redis.exists(deployment_key(profile, "profile")))

    def _put_profile(self, profile: ProfileEntry) -> None:
        self._redis.zadd(PROFILES_KEY, {profile.name: 0})

        def put(step: Pipeline) -> None:
            step.multi()
            _put_deployment(step, profile, "profile", profile.deployment)

        self._redis.transaction(put, deployment_key(profile.name, "profile"))
        self._redis.zadd(PROFILES_KEY, {profile.name: 0})

    def _put_machine(self, machine: MachineEntry, ahead: int) -> None:
        name, about = machine.name, machine.about or NO_ABOUT
        deployment = replace(machine.deployment, described=about != NO_ABOUT)
        if deployment.profile is not None and not self._has(deployment.profile):
            deployment = replace(deployment, profile=None)
        if deployment.profile is not None:
            self._redis.sadd(profile_machines_key(deployment.profile), name)
        self._records.register([name])
        self._abouts.change(name, lambda _: about)
        before, retired = Deployment(), self._topic_sources.retired()

        def put(step: Pipeline) -> None:
            nonlocal before
            values = cast("list[bytes | None]", step.mget(record_key(name), deployment_key(name)))
            here = self._records.parse(*values)
            before = here.deployment
            record = _merged(machine.record, here.record if here.token else None, ahead)
            step.multi()
            if record is not None:
                alarms = _restored_alarms(here.record.alarms, record)
                step.set(record_key(name), self._records.encode(record.alarmed(alarms)))
                self._records.alarms.replace(name, here.record.alarms, alarms, step)
                if (due := next_due(record.timers)) is not None:
                    # Another partition runs the timers if the source is deleted (`pipeline.worker.ways`).
                    home = 0 if record.home is None or record.home in retired else record.home
                    step.zadd(timers_key(home), {name: due})
            step.delete(recent_key(name))
            _put_deployment(step, machine, "machine", deployment)

        self._redis.transaction(put, record_key(name), deployment_key(name))
        if before.profile is not None and before.profile != deployment.profile:
            self._profiles.forget(name, before.profile)


def _merged(kept: Record | None, here: Record | None, ahead: int) -> Record | None:
    """Merge the record of a machine in a backup with the one in Redis (rules 4 and 5)."""
    if kept is None and here is None:
        return None
    was, now = kept or Record(), here
    number = was.number + ahead
    if now is None:
        moved = was.moved + ahead
        return Record(
            number,
            was.state,
            strikes=was.strikes,
            moved=moved,
            taken=was.taken,
            counters=was.counters,
            newest=was.newest,
            newest_field=was.newest_field,
            timers=was.timers,
            timer_runs=was.timer_runs + ahead,
            schedules=was.schedules,
            alarms=was.alarms,
            alarm_changes=was.alarm_changes + ahead,
        )
    return replace(
        now,
        number=max(now.number, number),
        state=was.state,
        strikes=was.strikes,
        counters=was.counters,
        gone=kept is None,
        newest=was.newest,
        newest_field=was.newest_field,
        timers=was.timers,
        timer_runs=max(now.timer_runs, was.timer_runs + ahead),
        schedules=was.schedules,
        alarms=was.alarms,
        alarm_changes=max(now.alarm_changes, was.alarm_changes + ahead),
    )


def _restored_alarms(here: Mapping[str, Alarm], record: Record) -> Alarms:
    """Return the alarms of a restored record. Those that are open here and not in it end."""
    alarms = Alarms({**here, **record.alarms}, record.alarm_changes)
    gone = sorted(here.keys() - record.alarms.keys())
    alarms.end(gone, milliseconds_now(), comment="the machine was restored from a backup")
    return alarms


def _put_deployment(
    step: Pipeline, entry: MachineEntry | ProfileEntry, kind: OwnerKind, deployment: Deployment
) -> None:
    name = entry.name
    step.set(deployment_key(name, kind), msgspec.msgpack.encode(deployment))
    step.delete(versions_key(name, kind), digests_key(name, kind), configs_key(name, kind))
    for number, config in entry.configs.items():
        step.hset(configs_key(name, kind), str(number), msgspec.msgpack.encode(config))
    for number, version in enumerate(entry.versions, start=1):
        step.rpush(versions_key(name, kind), msgspec.msgpack.encode(version))
        for each in (version.digest, f"{version.digest} {version.examples}"):
            step.hset(digests_key(name, kind), each, str(number))


def _check_source(entry: ReadingsEntry) -> None:
    """Raise `BackupError` if a source of readings is invalid."""
    try:
        checked(entry.source)
        if not (is_machine_id(entry.name) and 0 <= entry.partition - FIRST_PARTITION <= _PARTITIONS):
            raise SourceRefused("its name or the number of its partition is invalid.")
    except SourceRefused as e:
        raise BackupError(f"The backup is invalid: its source {entry.name[:128]!r} is malformed: {e}") from e


def _routes(path: Path) -> dict[str, NotificationRoute]:
    return {each.name: each.route for each in read(path) if isinstance(each, RouteEntry)}


def _check_route(entry: RouteEntry) -> None:
    """Raise `BackupError` if a route of notifications is invalid."""
    try:
        checked_route(entry.route)
        if not is_machine_id(entry.name):
            raise RouteRefused("its name is invalid.")
    except RouteRefused as e:
        raise BackupError(
            f"The backup is invalid: its notification route {entry.name[:128]!r} is malformed: {e}"
        ) from e


def _check_entry(entry: Entry) -> None:
    """Raise `BackupError` if a machine or profile is invalid."""
    assert isinstance(entry, MachineEntry | ProfileEntry)
    deployment = entry.deployment
    fits = is_machine_id(entry.name) and deployment.versions == len(entry.versions)
    if deployment.version:
        fits = fits and 0 < deployment.version <= deployment.versions
        fits = fits and entry.versions[deployment.version - 1].digest == deployment.digest
    try:
        if isinstance(entry, MachineEntry) and entry.about is not None:
            checked_about(entry.about)
        fits = fits and _numbered(entry.configs, deployment)
        states = [deployment.config, *(each.config for each in entry.configs.values())]
        if isinstance(entry, MachineEntry) and entry.record is not None:
            states.append(entry.record.state)
        for each in states:
            msgspec.json.decode(each, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, AboutRefused):
        fits = False
    if not fits:
        raise BackupError(f"The backup is invalid: its entry for {entry.name[:128]!r} is malformed.")


def _numbered(configs: Mapping[int, ConfigVersion], deployment: Deployment) -> bool:
    """Return whether these can be the versions of the config of a deployment."""
    return len(configs) <= VERSIONS and all(0 < number <= deployment.configs for number in configs)
