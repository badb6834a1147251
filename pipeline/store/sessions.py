"""Sessions of partitions in Redis: which session may write, and how far each one is settled.

*The fence.* A partition's key holds the name of the session that may write the records of the partition's
machines. A session writes its name there before it consumes, and each write of records checks the name in the
same script (`pipeline.store.records`). Two things follow, whatever the broker believes about its consumers:

- All readings of a session were delivered to it after it took the fence.
- A session that took the fence earlier cannot write any more. This includes a session whose worker was
  paused, a session on the far side of a broken link, and a write that was on its way when its worker gave up.

A name is used for one attempt. If the answer to the attempt is lost, the session with this name never
consumes: its name may still arrive at Redis later, and would then open the fence for readings that another
session has applied meanwhile.

*The note.* A session notes up to which delivery everything is settled, so that its successor need not compare
marks of readings that cannot come back. It may note only what the broker has proven
(`pipeline.worker.partition`), and only while it holds the fence: so a successor that reads the note knows
that it will not change.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, cast

from pipeline.model.session import NAME_BYTES, Fence, Settled
from pipeline.store.client import Client, plain
from pipeline.store.keys import fence_key, note_key

#: Seconds for which a note is kept: a year. A machine that is silent for longer has only its marks, so one of
#: its readings may be taken for an equal one.
_EXPIRY_SECONDS: Final = 366 * 24 * 3600

#: Maximum sessions of other workers that a worker remembers. Each start or stop of a worker adds some.
_CACHED: Final = 10_000

#: Takes the fence from the session that held it when it was read. KEYS: fence. ARGV: its value, the new
#: value.
_TAKE: Final = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""

#: Notes how far sessions that hold their fences are settled. KEYS for each: fence, note. ARGV: for how many
#: seconds a note is kept, whether the fence is released (1), and for each: name, note.
_NOTE: Final = """
for each = 1, #KEYS / 2 do
    local fence, name = KEYS[2 * each - 1], ARGV[2 * each + 1]
    if redis.call('GETRANGE', fence, 0, #name - 1) == name then
        redis.call('SET', KEYS[2 * each], ARGV[2 * each + 2], 'EX', ARGV[1])
        if ARGV[2] == '1' then
            redis.call('DEL', fence)
        end
    end
end
"""


class Sessions:
    """Takes and releases fences; notes and reads how far sessions are settled.

    Safe to share between threads. Every method may raise `RedisError`.
    """

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._take_script = client.register_script(_TAKE)
        self._note_script = plain(client).register_script(_NOTE)  # a lost note is harmless
        self._noted = dict[Fence, Settled]()
        self._cache: dict[tuple[bytes, bytes], Settled] = {}

    def take(self, fence: Fence, worker: str, may_oust: Callable[[str], bool]) -> bool:
        """Take the fence for a session of the worker with this id. Return whether it was taken.

        The fence is not taken while a session of another worker holds it, unless `may_oust` allows taking it
        from that worker. If this method raises an error, the session must not consume.
        """
        value = cast("bytes | None", self._redis.get(fence_key(fence))) or b""
        holder = value[NAME_BYTES:].decode()
        if value and holder != worker and not may_oust(holder):
            return False
        return bool(self._take_script(keys=[fence_key(fence)], args=[value, fence.session + worker.encode()]))

    def note(self, settled: Mapping[Fence, Settled]) -> None:
        """Note how far sessions that hold their fences are settled."""
        new = {fence: each for fence, each in settled.items() if self._noted.get(fence) != each}
        if new:
            self._put(new, give_up=False)
        self._noted = dict(settled)

    def give_up(self, fence: Fence, settled: Settled) -> None:
        """Note how far a session that has ended is settled, and release its fence for the next one."""
        self._put({fence: settled}, give_up=True)

    def _put(self, settled: Mapping[Fence, Settled], *, give_up: bool) -> None:
        keys = [key for fence in settled for key in (fence_key(fence), note_key(fence.session))]
        arguments = [each for fence, note in settled.items() for each in (fence.session, str(note))]
        self._note_script(keys=keys, args=[_EXPIRY_SECONDS, int(give_up), *arguments])

    def proven(self, sessions: Collection[bytes]) -> dict[bytes, Settled]:
        """Return how far sessions are settled at least, also sessions of other partitions that still run.

        A note stays true after it is written, but a session that runs may prove more later.
        """
        names = list(sessions)
        values = cast("list[bytes | None]", self._redis.mget([note_key(name) for name in names]))
        return {name: Settled.parse(value) for name, value in zip(names, values, strict=True)}

    def settled(self, pairs: Collection[tuple[bytes, bytes]]) -> dict[tuple[bytes, bytes], Settled]:
        """Return how far sessions are known to be settled, for pairs: a session that reads, and another one.

        A note is final for a reader that holds the fence, so it is read once for each pair. A reader that has
        lost the fence may read the note of its successor, which is not final: what it reads holds for itself
        only, and it can write nothing.
        """
        known = {pair: self._cache[pair] for pair in pairs if pair in self._cache}
        if missing := [pair for pair in pairs if pair not in known]:
            values = cast("list[bytes | None]", self._redis.mget([note_key(name) for _, name in missing]))
            if len(self._cache) > _CACHED:
                self._cache.clear()
            new = {pair: Settled.parse(value) for pair, value in zip(missing, values, strict=True)}
            self._cache |= new
            known |= new
        return known
