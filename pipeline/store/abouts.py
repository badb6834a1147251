"""The cards of machines: what people call them, and where they stand (`pipeline.model.about`).

They are beside the machine index and not in the machines' deployments, so that workers do not read them with
every batch. A deployment says only whether its machine has a card (`Deployment.described`), so that a machine
with a card and nothing else is known.

The keys: `{machines}:about` has the card of each machine, as JSON. `{machines}:about:text` has the text in
which a search looks. `{machines}:tag:<tag>` and `{machines}:line:<line>` are the sets of the machines with
this tag and of this line, and `{machines}:tags` and `{machines}:lines` sort the names of the sets that exist.
One step changes all of them (`_PUT`), so they always agree.
"""

from collections.abc import Callable, Sequence
from typing import Final, cast

from pipeline.model.about import NO_ABOUT, About, decode_about, encode_about
from pipeline.store.client import Client
from pipeline.store.keys import (
    ABOUT_KEY,
    ABOUT_TEXT_KEY,
    LINES_KEY,
    TAGS_KEY,
    line_machines_key,
    tag_machines_key,
)

#: Compare-and-set of a card. KEYS: the cards, the texts, and for each tag or line that the machine joins or
#: leaves its set and the names of such sets. ARGV: the machine, the card as read and the new one ('': none),
#: the text, how many sets it joins, and the name of each set. Returns 0 if the card has changed.
_PUT: Final = """
local id, joined = ARGV[1], tonumber(ARGV[5])
if (redis.call('HGET', KEYS[1], id) or '') ~= ARGV[2] then
    return 0
end
if ARGV[3] == '' then
    redis.call('HDEL', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
else
    redis.call('HSET', KEYS[1], id, ARGV[3])
    redis.call('HSET', KEYS[2], id, ARGV[4])
end
for at = 1, #ARGV - 5 do
    local set, names, name = KEYS[2 * at + 1], KEYS[2 * at + 2], ARGV[at + 5]
    if at <= joined then
        redis.call('SADD', set, id)
        redis.call('ZADD', names, 0, name)
    else
        redis.call('SREM', set, id)
        if redis.call('EXISTS', set) == 0 then
            redis.call('ZREM', names, name)
        end
    end
end
return 1
"""


class AboutStore:
    """Reads and changes cards. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._put = client.register_script(_PUT)

    def read(self, machine_ids: Sequence[str]) -> dict[str, About]:
        """Return the cards of these machines. A machine without one has an empty card."""
        if not machine_ids:
            return {}
        values = cast("list[bytes | None]", self._redis.hmget(ABOUT_KEY, [*machine_ids]))
        return {
            machine_id: decode_about(value) if value else NO_ABOUT
            for machine_id, value in zip(machine_ids, values, strict=True)
        }

    def change(self, machine_id: str, step: Callable[[About], About]) -> tuple[About, About]:
        """Replace a card by the result of `step`. Return the previous card and the new one.

        If another change was faster, `step` is called again with its result. If `step` raises an error,
        nothing is changed.
        """
        while True:
            value = cast("bytes | None", self._redis.hget(ABOUT_KEY, machine_id))
            before = decode_about(value) if value else NO_ABOUT
            after = step(before)
            joined, left = _sets(after), _sets(before).keys() - _sets(after).keys()
            sets = [*joined, *left]
            keys = [ABOUT_KEY, ABOUT_TEXT_KEY, *(key for each in sets for key in each)]
            names = [({**_sets(before), **joined})[each] for each in sets]
            new = encode_about(after) if after != NO_ABOUT else b""
            arguments: list[str | bytes | int] = [machine_id, value or b"", new, after.searched, len(joined)]
            if self._put(keys=keys, args=[*arguments, *names]):
                return before, after

    def remove(self, machine_id: str) -> bool:
        """Delete the card of a machine. Return whether there was one."""
        before, _ = self.change(machine_id, lambda _: NO_ABOUT)
        return before != NO_ABOUT


def _sets(about: About) -> dict[tuple[str, str], str]:
    """Return the sets in which a machine with this card is, each with the key of its names, and its name."""
    sets = {(tag_machines_key(tag), TAGS_KEY): tag for tag in about.tags}
    return sets | ({(line_machines_key(about.line), LINES_KEY): about.line} if about.line else {})
