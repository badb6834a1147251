"""The actions on machines: find and count them, describe, pause, resume, edit and delete them.

The index says which machines are on a page. Each machine is then read itself: a machine that no longer
matches is left out, and its index entry is updated (`pipeline.store.machine_index`).
"""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from msgspec.structs import replace

from pipeline.clock import milliseconds_now
from pipeline.dead_letters.redrive import Redriver
from pipeline.model.about import NO_ABOUT, About
from pipeline.model.alarm import Alarms
from pipeline.model.deployment import Deployment, Pause
from pipeline.model.machine import Health, Silence, Stored, health_of
from pipeline.model.machine_settings import MachineSettings
from pipeline.model.quarantine import Strikes
from pipeline.model.timer import next_due
from pipeline.store.abouts import AboutStore
from pipeline.store.client import Client
from pipeline.store.deletion import Deletion
from pipeline.store.deployments import MachineDeployments
from pipeline.store.groups import GroupCounter, GroupKind, MachineGroup
from pipeline.store.health_counts import HealthCounter, HealthCounts
from pipeline.store.machine_index import MachineIndex
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Due, Records, Update
from pipeline.store.search import Search, Sort
from pipeline.store.search_script import MachineFilter
from pipeline.store.topic_sources import TopicSources
from sandbox.job import REPEATING

_View = TypeVar("_View")

#: Machines that are read at once. Each may have a state of 64 KiB, and as many bytes to publish.
_CHUNK = 25


class MachinePage(NamedTuple, Generic[_View]):
    """A page of machines as the caller views them, and the cursor of the next page; None on the last page."""

    machines: list[_View]
    next: str | None


class Machines:
    """Finds, counts, changes and deletes machines. Safe to share between threads.

    Every method may raise `RedisError`.

    A machine is silent after `silent_after` seconds without a reading, unless its settings say otherwise.
    """

    def __init__(
        self,
        client: Client,
        records: Records,
        profiles: ProfileStore,
        deployments: MachineDeployments,
        redriver: Redriver,
        sources: TopicSources,
        silent_after: int,
    ) -> None:
        self.index = MachineIndex(client, records)
        self.abouts = AboutStore(client)
        self._records = records
        self._deployments = deployments
        self._redriver = redriver
        self._sources = sources
        self._search = Search(client)
        self._counter = HealthCounter(client)
        self._groups = GroupCounter(client)
        self._deletion = Deletion(client, records, self.index, profiles)
        self._silent_after = silent_after

    def find(
        self,
        where: MachineFilter,
        sort: Sort,
        after: str,
        limit: int,
        view: Callable[[str, Stored, Health, About], _View],
    ) -> MachinePage[_View]:
        """Return a page of the machines that match. `after` is the `next` of another page, or empty.

        `view` makes the entry of a machine. The rest of its data is dropped, because the states of
        a page of machines can take 128 MiB.

        A page may have fewer than `limit` machines although there is a next one, because the number of
        machines checked for one page is bounded. Raises `ValueError` if `after` is not a cursor of this
        order.
        """
        silence = self._silence()
        page = self._search.find(where, sort, after, limit, silence)
        found, strayed = list[_View](), list[str]()
        machine_ids = iter(page.machine_ids)
        while chunk := list(islice(machine_ids, _CHUNK)):
            read, abouts = self._records.read(chunk), self.abouts.read(chunk)
            applying = self._sources.settings_of_each(list(read.values()))
            for (machine_id, stored), settings in zip(read.items(), applying, strict=True):
                health = health_of(stored, silence, settings)
                follows = where.profile in (None, stored.deployment.profile)
                if stored.known and follows and where.health in (None, health):
                    found.append(view(machine_id, stored, health, abouts[machine_id]))
                else:
                    strayed.append(machine_id)
        self.index.enter(strayed)
        return MachinePage(found, page.next)

    def count_by_health(self) -> HealthCounts:
        """Return the number of machines, in total and by health."""
        return self._counter.count(self._silence())

    def groups(self, kind: GroupKind, after: str, limit: int) -> tuple[list[MachineGroup], str | None]:
        """Return a page of groups, with the numbers of their machines, and the cursor of the next page."""
        return self._groups.page(kind, after, limit, self._silence())

    def health(self, stored: Stored, settings: MachineSettings) -> Health:
        """Return the health of a machine that was just read. `settings` are those that apply."""
        return health_of(stored, self._silence(), settings)

    def remove(self, machine_id: str) -> Stored | None:
        """Delete a machine with everything that belongs to it. Return what it was; None if there is none."""
        return self._deletion.remove(machine_id)

    def read(self, machine_id: str) -> Stored:
        """Return the current machine."""
        return self._records.read([machine_id])[machine_id]

    def describe(self, machine_id: str, step: Callable[[About], About]) -> tuple[About, About]:
        """Replace the card of a machine, see `AboutStore.change`. A machine with a card is known."""
        before, after = self.abouts.change(machine_id, step)
        described = after != NO_ABOUT
        while True:
            self._deployments.change(machine_id, partial(_described, described))
            # Someone may have changed the card meanwhile.
            now = self.abouts.read([machine_id])[machine_id] != NO_ABOUT
            if now == described:
                return before, after
            described = now

    def pause(self, machine_id: str) -> None:
        """Pause a machine: its readings become dead letters from now on."""
        self._records.pause(machine_id, paused=True)
        self.index.enter([machine_id])

    def resume(self, machine_id: str, *, redrive: bool) -> tuple[int, int]:
        """Resume a machine. With `redrive`, also process the readings of the pause.

        Return how many of those were sent again, and how many are still on their way to the dead letters.
        Raises the errors of `Redriver`; the machine is resumed then, and a repeat is safe.
        """
        pause = self._records.pause(machine_id, paused=False).pause
        self.index.enter([machine_id])
        if not redrive:
            return 0, 0
        sent, waiting = self._redriver.send_paused(machine_id, pause)
        if pause is not None and not waiting:
            self._deployments.change(machine_id, partial(_without, pause))
        return sent, waiting

    def release(self, machine_id: str) -> bool:
        """Lift a machine's quarantine, so that its logic is run again. Return False if it is in none.

        The record is compared and set, so a batch that processes the machine meanwhile is not disturbed.
        """
        while True:
            stored = self.read(machine_id)
            if not stored.quarantined:
                return False
            released = replace(stored.record, strikes=Strikes())
            if not self._records.write({machine_id: Update(stored, released)}):
                self.index.enter([machine_id])
                return True

    def edit_state(
        self, machine_id: str, state: bytes, check: Callable[[Stored], None], *, reset: bool = False
    ) -> bytes:
        """Replace a machine's state by `state`, a JSON object within the limits.

        With `reset`, its timers are cancelled too and its alarms end; its schedules remain. Nothing else in
        the record changes. The record is compared and set: a batch that runs meanwhile continues from the new
        state. A batch that was faster is not overwritten unnoticed, because `check` is called with the
        machine after each read. If `check` raises an error, nothing is changed. Return the previous state.
        """
        while True:
            stored = self.read(machine_id)
            check(stored)
            edited, due = stored.record.edited(state), None
            alarms = Alarms(edited.alarms, edited.alarm_changes)
            if reset:
                alarms.end(alarms.now, milliseconds_now(), comment="the state was reset")
                edited = edited.alarmed(alarms)
            if reset and edited.timers:
                left = {name: at for name, at in edited.timers.items() if name.startswith(REPEATING)}
                edited, due = replace(edited, timers=left), Due(edited.home or 0, next_due(left))
            if not self._records.write({machine_id: Update(stored, edited, due=due, alarms=alarms)}):
                return stored.record.state

    def _silence(self) -> Silence:
        return Silence(milliseconds_now(), self._silent_after)


def _without(pause: Pause, deployment: Deployment) -> tuple[Deployment, None]:
    return (replace(deployment, pause=None) if deployment.pause == pause else deployment), None


def _described(described: bool, deployment: Deployment) -> tuple[Deployment, None]:
    return replace(deployment, described=described), None
