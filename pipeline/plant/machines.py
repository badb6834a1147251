"""What people do with machines: find and count them, pause, resume, edit and delete them.

The index says which machines a page has, and each is then looked at itself: one that does not fit any
more is left out, and entered anew (`pipeline.store.machine_index`).
"""

import time
from collections.abc import Callable
from functools import partial
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from pipeline.dead_letters.redrive import Redriver
from pipeline.model.deployment import Deployment, Pause
from pipeline.model.machine import Health, Stored, health_of
from pipeline.model.quarantine import Strikes
from pipeline.store.client import Client
from pipeline.store.deletion import Deletion
from pipeline.store.deployments import MachineDeployments
from pipeline.store.health_counts import HealthCounter, HealthCounts
from pipeline.store.machine_index import MachineIndex
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Records, Update
from pipeline.store.search import Search, Sort
from pipeline.store.search_script import MachineFilter

#: Machines that are read at once: each may have a state of 64 KiB, and as much to publish.
_CHUNK = 100


class MachinePage(Struct, frozen=True):
    """A page of machines with how they do, and where the next page starts, None on the last."""

    machines: list[tuple[str, Stored, Health]]
    next: str | None


class Machines:
    """Finds, counts, changes and deletes machines. Safe to share between threads.

    Every method may raise `redis.RedisError`.

    Who has sent nothing for `silent_after` seconds is silent.
    """

    def __init__(
        self,
        client: Client,
        records: Records,
        profiles: ProfileStore,
        deployments: MachineDeployments,
        redriver: Redriver,
        silent_after: int,
    ) -> None:
        self.index = MachineIndex(client, records)
        self._records = records
        self._setups = deployments
        self._redriver = redriver
        self._search = Search(client)
        self._counter = HealthCounter(client)
        self._deletion = Deletion(client, records, self.index, profiles)
        self._silent_after = silent_after

    def find(self, where: MachineFilter, sort: Sort, after: str, limit: int) -> MachinePage:
        """The machines that are meant, a page at a time; `after` is `next` of another page, or empty.

        A page may have fewer than `limit` though there is a next one: what is looked at for one page is
        bounded. Raises `ValueError` where `after` is no cursor of this order.
        """
        since = self._silent_since()
        page = self._search.find(where, sort, after, limit, since)
        found, strayed = list[tuple[str, Stored, Health]](), list[str]()
        machine_ids = iter(page.machine_ids)
        while chunk := list(islice(machine_ids, _CHUNK)):
            for machine_id, stored in self._records.read(chunk).items():
                health = health_of(stored, since)
                follows = where.profile in (None, stored.deployment.profile)
                if stored.known and follows and where.health in (None, health):
                    found.append((machine_id, stored, health))
                else:
                    strayed.append(machine_id)
        self.index.enter(strayed)
        return MachinePage(found, page.next)

    def count_by_health(self) -> HealthCounts:
        """How many machines there are, and of each health."""
        return self._counter.count(self._silent_since())

    def health(self, stored: Stored) -> Health:
        """How a machine does that was read just now."""
        return health_of(stored, self._silent_since())

    def remove(self, machine_id: str) -> Stored | None:
        """Delete a machine with all that belongs to it. Returns what it was; None where there is nothing."""
        return self._deletion.remove(machine_id)

    def read(self, machine_id: str) -> Stored:
        """A machine as it stands."""
        return self._records.read([machine_id])[machine_id]

    def pause(self, machine_id: str) -> None:
        """Have a machine's readings become dead letters from now on."""
        self._records.pause(machine_id, paused=True)
        self.index.enter([machine_id])

    def resume(self, machine_id: str, *, redrive: bool) -> tuple[int, int]:
        """Have a machine's readings processed again, with `redrive` also those that came meanwhile.

        Returns how many of those were sent again, and how many are on their way to the dead letters still.
        Raises as `Redriver`; the machine is resumed then, and doing it again is safe.
        """
        pause = self._records.pause(machine_id, paused=False).pause
        self.index.enter([machine_id])
        if not redrive:
            return 0, 0
        sent, waiting = self._redriver.send_paused(machine_id, pause)
        if pause is not None and not waiting:
            self._setups.change(machine_id, partial(_without, pause))
        return sent, waiting

    def release(self, machine_id: str) -> bool:
        """Lift a machine's quarantine, so that its logic is run again. False where it is in none.

        The record is compared and set: a batch that works on the machine meanwhile is not disturbed.
        """
        while True:
            stored = self.read(machine_id)
            if not stored.quarantined:
                return False
            released = replace(stored.record, strikes=Strikes())
            if not self._records.write({machine_id: Update(stored, released)}):
                self.index.enter([machine_id])
                return True

    def edit_state(self, machine_id: str, state: bytes, check: Callable[[Stored], None]) -> bytes:
        """Put `state`, a JSON object within the limits, in the place of a machine's state.

        Nothing else of the record changes. It is compared and set: a batch that runs meanwhile goes on from
        the new state, and one that was faster is not undone unseen, for `check` is asked about the machine
        each time as it was read. What `check` raises is raised, and nothing is changed then. Returns the
        state that was replaced.
        """
        while True:
            stored = self.read(machine_id)
            check(stored)
            edited = stored.record.edited(state)
            if not self._records.write({machine_id: Update(stored, edited)}):
                return stored.record.state

    def _silent_since(self) -> int:
        return int((time.time() - self._silent_after) * 1000)


def _without(pause: Pause, deployment: Deployment) -> tuple[Deployment, None]:
    return (replace(deployment, pause=None) if deployment.pause == pause else deployment), None
