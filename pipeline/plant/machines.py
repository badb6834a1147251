"""All machines of the plant: which there are, how many, how they do, and that one is not there any more.

The directory says which machines a page has, and each is then looked at itself: one that does not fit any
more is left out, and entered anew (`pipeline.store.machine_index`).
"""

import time
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from pipeline.model.deployment import Pause, Setup
from pipeline.model.machine import Health, Stored, health_of
from pipeline.store.client import Client
from pipeline.store.deletion import Removal
from pipeline.store.health_counts import Census, Counter
from pipeline.store.machine_index import Directory
from pipeline.store.profiles import Profiles
from pipeline.store.records import Records
from pipeline.store.search import Search, Sort
from pipeline.store.search_script import Filter

#: Machines that are read at once: each may have a state of 64 KiB, and as much to publish.
_CHUNK = 100


class Found(Struct, frozen=True):
    """A page of machines with how they do, and where the next page starts, None on the last."""

    machines: list[tuple[str, Stored, Health]]
    next: str | None


class Fleet:
    """Finds, counts and deletes machines. Safe to share between threads.

    Every method may raise `redis.RedisError`.

    Who has sent nothing for `silent_after` seconds is silent.
    """

    def __init__(self, client: Client, records: Records, profiles: Profiles, silent_after: int) -> None:
        self.directory = Directory(client, records)
        self._records = records
        self._search = Search(client)
        self._counter = Counter(client)
        self._removal = Removal(client, records, self.directory, profiles)
        self._silent_after = silent_after

    def find(self, where: Filter, sort: Sort, after: str, limit: int) -> Found:
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
                follows = where.profile in (None, stored.setup.profile)
                if stored.known and follows and where.health in (None, health):
                    found.append((machine_id, stored, health))
                else:
                    strayed.append(machine_id)
        self.directory.enter(strayed)
        return Found(found, page.next)

    def census(self) -> Census:
        """How many machines there are, and of each health."""
        return self._counter.count(self._silent_since())

    def health(self, stored: Stored) -> Health:
        """How a machine does that was read just now."""
        return health_of(stored, self._silent_since())

    def remove(self, machine_id: str) -> Stored | None:
        """Delete a machine with all that belongs to it. Returns what it was; None where there is nothing."""
        return self._removal.remove(machine_id)

    def _silent_since(self) -> int:
        return int((time.time() - self._silent_after) * 1000)


def _without(pause: Pause, setup: Setup) -> tuple[Setup, None]:
    return (replace(setup, pause=None) if setup.pause == pause else setup), None
