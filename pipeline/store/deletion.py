"""Deletes a machine with everything that belongs to it, in this order:

1.  The machine itself goes in one step: its state and counters, its deployment, its versions of logic and
    config, and its last readings. Its alarms end. The data that identifies its readings replaces its record
    (rule 8 of `pipeline.model.record`). It stays for `GONE_SECONDS`, or until the overflow holds none of the
    machine's readings. The step is a compare-and-set on the record and the deployment, so it deletes exactly
    the data that was read.
2.  Its dead letters, up to the last reading of the machine. Later failures belong to a new machine.
3.  Its card, and its entries: in the set of its profile's machines, and in the index.

If the process is killed between the steps, the machine is gone, and deleting it again does the rest.

A batch that runs meanwhile has read the old machine, and finds at its write that the machine has changed. So
it is processed again, as are all readings that still wait in queues: for a new machine without logic or
state. The sources of the versions stay, because they belong to every version with the same digest.
"""

from typing import Final, cast

from pipeline.clock import milliseconds_now
from pipeline.model.alarm import Alarms
from pipeline.model.machine import Stored
from pipeline.model.timer import run_of
from pipeline.store.abouts import AboutStore
from pipeline.store.alarms import WITH_ALARMS
from pipeline.store.client import Client
from pipeline.store.dead_letters import LetterFilter
from pipeline.store.keys import (
    configs_key,
    deployment_key,
    digests_key,
    recent_key,
    record_key,
    versions_key,
)
from pipeline.store.machine_index import MachineIndex
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import GONE_SECONDS, Records

#: Step 1. KEYS: record, deployment and the other keys to delete. ARGV: the token and the deployment as read,
#: the data to leave behind, and for how many seconds (0: indefinitely), the machine, and what happens to
#: its alarms. Returns 0 if the machine has changed.
_REMOVE: Final = (
    WITH_ALARMS
    + """
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[3])
if ARGV[4] ~= '0' then
    redis.call('EXPIRE', KEYS[1], ARGV[4])
end
redis.call('DEL', unpack(KEYS, 2))
put_alarms(ARGV[5], 6)
return 1
"""
)


class Deletion:
    """Deletes machines. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client, records: Records, index: MachineIndex, profiles: ProfileStore) -> None:
        self._redis = client
        self._abouts = AboutStore(client)
        self._profiles = profiles
        self._records = records
        self._index = index
        self._script = client.register_script(_REMOVE)

    def remove(self, machine_id: str) -> Stored | None:
        """Delete a machine. Return what it was; None if there was no machine and no dead letter of one."""
        stored = self._remove(machine_id)
        discarded = self._discard_letters(machine_id, stored.record.number + 1 if stored.token else None)
        if stored.token and stored.record.timer_runs:
            discarded += self._discard_timers(machine_id, stored.record.timer_runs)
        self._abouts.remove(machine_id)
        if stored.deployment.profile is not None:
            self._profiles.forget(machine_id, stored.deployment.profile)
        self._index.enter([machine_id])
        return stored if stored.known or discarded else None

    def _remove(self, machine_id: str) -> Stored:
        """Do step 1. It leaves data behind even without a record, because a batch may soon create one."""
        keys = [record_key(machine_id), deployment_key(machine_id)]
        others = [versions_key(machine_id), digests_key(machine_id), recent_key(machine_id)]
        others.append(configs_key(machine_id))
        while True:
            record, deployment = cast("list[bytes | None]", self._redis.mget(keys))
            stored = self._records.parse(record, deployment)
            if not stored.known:
                return stored
            alarms = Alarms(stored.record.alarms, stored.record.alarm_changes)
            alarms.end(alarms.now, milliseconds_now(), comment="the machine was deleted")
            left = stored.record.deleted().alarmed(alarms)
            seconds = GONE_SECONDS if left.moved == left.taken else 0
            args: list[bytes | int | str] = [stored.token, deployment or b"", self._records.encode(left)]
            args += [seconds, machine_id, *self._records.alarms.arguments(alarms)]
            if self._script(keys=[*keys, *others], args=args):
                return stored

    def _discard_timers(self, machine_id: str, runs: int) -> int:
        """Discard the letters of the timers that the machine has run."""
        letters, discarded = self._records.letters, 0
        for kept in letters.find(LetterFilter(machine=machine_id)):
            own = [each.letter for each in kept if (run := run_of(each.letter.name)) and run <= runs]
            discarded += letters.discard(own) if own else 0
        return discarded

    def _discard_letters(self, machine_id: str, below: int | None) -> int:
        letters = self._records.letters
        found = letters.find(LetterFilter(machine=machine_id, below=below))
        return sum(letters.discard([each.letter for each in kept]) for kept in found)
