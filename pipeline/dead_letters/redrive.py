"""Sends dead letters again: publishes their readings as devices would, behind all waiting readings.

A reading keeps its bytes and content type, and carries the claim on its letter. The letter stays until a
worker applies the reading, so this process may be killed at any point and repeated
(`pipeline.store.dead_letters`). A reading that fails again becomes a new dead letter, with a new number.

If a machine's readings come by a source, its letters are sent to the queue of that source
(`pipeline.worker.ways`).

Each machine's letters are sent by number. They can arrive in another order only if the partition is full, so
that the broker accepts some of a list and refuses others.
"""

from collections.abc import Iterable, Iterator
from time import monotonic, sleep
from typing import Final

import pika

from pipeline import wire
from pipeline.broker.publisher import PERSISTENT, Message, Publisher
from pipeline.clock import now
from pipeline.errors import PublishError, RedriveStopped
from pipeline.model.claim import Claim
from pipeline.model.dead_letter import EXPIRED, SENT_AGAIN, Letter
from pipeline.model.deployment import Pause
from pipeline.model.topic_source import key_of
from pipeline.store.dead_letters import LetterFilter, LetterStore
from pipeline.store.records import Records
from pipeline.store.topic_sources import TopicSources
from pipeline.wire import CLAIM_HEADER

#: Maximum bytes of readings in memory at once, unless a single one is larger.
_BYTES: Final = 4 * 1024**2

#: Seconds that the broker may take to confirm the readings that were sent together.
_CONFIRM_SECONDS: Final = 30

#: Seconds between two checks that all letters are kept.
_POLL_SECONDS: Final = 0.2


class Redriver:
    """Sends letters again. Its methods block until the broker has confirmed.

    They raise `RedriveStopped` if the broker does not accept a reading, and `RedisError`. `patience` is
    the number of seconds to wait for letters that no collector has taken yet.
    """

    def __init__(
        self,
        letters: LetterStore,
        publisher: Publisher,
        records: Records,
        sources: TopicSources,
        patience: float = 5,
    ) -> None:
        self.patience = patience
        self._records = records
        self._sources = sources
        self._letters = letters
        self._publisher = publisher

    def send_all(self, where: LetterFilter) -> int:
        """Send all selected letters again, without strays. Return the number of sent letters."""
        sent = 0
        for kept in self._letters.in_order(where):
            for part in _parts(each.letter for each in kept):
                try:
                    sent += self._send(part)
                except RedriveStopped as e:
                    raise RedriveStopped(sent, e.reason) from e
        return sent

    def send_paused(self, machine_id: str, pause: Pause | None) -> tuple[int, int]:
        """Send the readings of a machine's last pause again, in order, when all their letters are kept.

        Return how many were sent, and how many are still on their way to the dead letters after some seconds.
        Readings behind the first of these are not sent, so that a repeat keeps the order.
        """
        waiting, below = 0, None
        if pause is not None and pause.last is not None and pause.last > pause.first:
            waiting, below = self._wait_for_collector(machine_id, pause.first + 1, pause.last)
        return self.send_all(LetterFilter(machine=machine_id, kind="paused", below=below)), waiting

    def _wait_for_collector(self, machine_id: str, first: int, last: int) -> tuple[int, int | None]:
        deadline = monotonic() + self.patience
        while True:
            waiting, below = self._letters.missing(machine_id, first, last)
            if not waiting or monotonic() > deadline:
                return waiting, below
            sleep(_POLL_SECONDS)

    def send_one(self, letter: Letter) -> bool:
        """Send one letter again, which must not be a stray. Return whether it still existed."""
        return self._send([letter]) == 1

    def _send(self, letters: list[Letter]) -> int:
        secret = self._letters.secret()
        found = [
            (letter, body)
            for letter, body in zip(letters, self._letters.bodies(letters), strict=True)
            if body is not None
        ]
        queues = self._queues([letter for letter, _ in found])
        messages = [_message(secret, letter, body, queues.get(letter.machine)) for letter, body in found]
        try:
            self._publisher.publish(messages).result(timeout=_CONFIRM_SECONDS)
        except PublishError as e:
            raise RedriveStopped(0, str(e)) from e
        except TimeoutError as e:
            raise RedriveStopped(
                0, f"RabbitMQ did not confirm the reading within {_CONFIRM_SECONDS} seconds"
            ) from e
        self._letters.note_sent([letter for letter, _ in found], now())
        return len(messages)

    def _queues(self, letters: list[Letter]) -> dict[str, str]:
        """Return the queues of the machines whose readings come by a source.

        If a machine's first reading expired, its topic says which source it came by.
        """
        if not (known := self._sources.list().partitions):
            return {}
        homes = self._records.homes({letter.machine for letter in letters})
        for letter in letters:
            if letter.machine not in homes:
                by = (number for number, each in known.items() if each.matches(letter.key))
                homes[letter.machine] = next(by, 0)
        return {machine: wire.readings_queue(home) for machine, home in homes.items() if home in known}


def _message(secret: bytes, letter: Letter, body: bytes, queue: str | None = None) -> Message:
    """Return the message to a machine, directly to `queue` if its readings come by a source."""
    claim = Claim.sign(secret, letter.machine, letter.name, body)
    exchange, key = ("", queue) if queue else (wire.INGEST_EXCHANGE, wire.data_key(letter.machine))
    headers = {CLAIM_HEADER: claim.header}
    if queue:
        headers[wire.MACHINE_HEADER] = letter.machine
        if (came_with := _key_of(letter)) is not None:
            headers[wire.KEY_HEADER] = came_with
    return Message(
        exchange,
        key,
        body,
        pika.BasicProperties(
            content_type=letter.content_type,
            # Its own id, the same each time, so that its mark differs from that of the failed reading.
            message_id=f"{SENT_AGAIN}{letter.name}",
            delivery_mode=PERSISTENT,
            headers=headers,
        ),
        mandatory=True,
    )


def _key_of(letter: Letter) -> str | None:
    """Return the routing key that a reading came with by a source; None if it is not known."""
    if letter.topic is not None:
        return key_of(letter.topic)
    return letter.key if letter.kind == EXPIRED else None


def _parts(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    """Yield the letters in lists whose readings fit in memory together."""
    part, size = list[Letter](), 0
    for letter in letters:
        if part and size + letter.size > _BYTES:
            yield part
            part, size = [], 0
        part.append(letter)
        size += letter.size
    if part:
        yield part
