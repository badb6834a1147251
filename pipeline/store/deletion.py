"""Deletes a machine with all that belongs to it. In the order in which it is done:

1.  What is the machine itself goes in one step: its state and counters, its setup, its versions and its last
    readings. In the place of its record is left by what its readings are known (rule 8 of
    `pipeline.model.record`), for `GONE_SECONDS`, or until the overflow holds none of its readings any more.
    The step is compared and set on record and setup, so that what is deleted is what was looked at.
2.  Its dead letters, up to the last reading that the machine had. What has failed since then is no longer its
    own.
3.  Its entries: among the machines of its profile, and in the index.

Where this is killed half way, the machine is gone, and deleting it once more does the rest.

A batch that runs meanwhile has read the machine as it was, and finds at its write that it is another one. So
it is processed anew, as are all readings that still wait in queues: for a new machine, which has no logic and
no state. The sources of its versions stay: they belong to all who have one with the same digest.
"""

from typing import Final, cast

import redis

from pipeline.model.machine import Stored
from pipeline.store.dead_letters import LetterFilter
from pipeline.store.keys import deployment_key, digests_key, recent_key, record_key, versions_key
from pipeline.store.machine_index import MachineIndex
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import GONE_SECONDS, Records

#: Step 1. KEYS record, setup and what else goes; ARGV the token and the setup as they were read, what is left
#: behind, and for how many seconds (0: for ever). Answers 0 where the machine has changed.
_REMOVE: Final = """
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[3])
if ARGV[4] ~= '0' then
    redis.call('EXPIRE', KEYS[1], ARGV[4])
end
redis.call('DEL', unpack(KEYS, 2))
return 1
"""


class Deletion:
    """Deletes machines. Safe to share between threads. Every method may raise `redis.RedisError`."""

    def __init__(
        self, client: "redis.Redis", records: Records, directory: MachineIndex, profiles: ProfileStore
    ) -> None:
        self._redis = client
        self._profiles = profiles
        self._records = records
        self._index = directory
        self._script = client.register_script(_REMOVE)

    def remove(self, machine_id: str) -> Stored | None:
        """Delete a machine. Returns what it was; None where there was none, nor dead letters of one."""
        stored = self._remove(machine_id)
        discarded = self._discard_letters(machine_id, stored.record.number + 1 if stored.token else None)
        if stored.deployment.profile is not None:
            self._profiles.forget(machine_id, stored.deployment.profile)
        self._index.enter([machine_id])
        return stored if stored.known or discarded else None

    def _remove(self, machine_id: str) -> Stored:
        """Step 1. Something is left also where there was no record, for a batch may be about to make it."""
        keys = [record_key(machine_id), deployment_key(machine_id)]
        others = [versions_key(machine_id), digests_key(machine_id), recent_key(machine_id)]
        while True:
            record, deployment = cast("list[bytes | None]", self._redis.mget(keys))
            stored = self._records.parse(record, deployment)
            if not stored.known:
                return stored
            left = stored.record.deleted()
            seconds = GONE_SECONDS if left.moved == left.taken else 0
            if self._script(
                keys=[*keys, *others],
                args=[stored.token, deployment or b"", self._records.encode(left), seconds],
            ):
                return stored

    def _discard_letters(self, machine_id: str, below: int | None) -> int:
        letters = self._records.letters
        found = letters.find(LetterFilter(machine=machine_id, below=below))
        return sum(letters.discard([each.letter for each in kept]) for kept in found)
