"""Proves how far a session's readings are settled: their acknowledgements are in the queue's log.

A sent acknowledgement proves nothing, and neither does an answer of the channel. In RabbitMQ (3.10 to 4.3),
the channel passes acknowledgements to the queue's leader without waiting (`rabbit_fifo_client:settle/3`). It
may hold them back while 32 commands are under way (`unsent_commands`), and it answers `basic.qos` by itself
(`rabbit_channel:handle_method/3`). Until the leader has the acknowledgements in its log, they are lost if it
is killed.

Two events are proof. Both come from the leader, after its log contains the acknowledgements they rest on:

1.  *A delivery.* The leader gives a consumer credit for `PREFETCH` messages that are not settled
    (`rabbit_fifo:checkout/4`), and we acknowledge in order. So delivery n proves that all up to n - PREFETCH
    are settled.
2.  *A probe that comes back.* A probe is an empty message that the session publishes into its queue on the
    same channel. Acknowledgements that the channel has sent overtake a probe, because the leader's log takes
    them first (priority `normal` before `low`). Acknowledgements that the channel holds back do not overtake
    it. When the broker has confirmed a probe, the channel has sent everything that it held back before that
    probe. So if a probe is published after the confirm of an earlier probe and comes back, it proves all
    acknowledgements made before the earlier probe was published. The probe must come back *as a delivery to
    us*: while a link between brokers is cut, acknowledgements get lost and the readings go to another
    session, but a probe published later is still confirmed.

The session publishes a probe once a second while something remains to prove, and when it is released. A probe
carries the session's random name, so no other publisher can forge one.

One gap remains. When a queue changes its leader, a channel resends everything that the old leader has not
answered (`rabbit_fifo_client:resend_all_pending/1`). For some milliseconds, a newer acknowledgement may be
ahead of an older one. If the nodes of the channel and of the new leader both die in that moment, a delivery
has proven too much. But a cluster of three nodes does not survive the loss of two anyway.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import pika
from pika.channel import Channel
from pika.spec import Basic

from pipeline import wire
from pipeline.clock import milliseconds_now

#: Seconds between two probes of a session, unless it is being released.
PROBE_SECONDS: Final = 1.0

#: Seconds after which the session gives up a probe that has not come back, because the queue may have been
#: purged. A probe behind many readings takes long, but those readings prove more than the probe would.
_LOST_SECONDS: Final = 60.0


#: How many probes are remembered that have not come back. A queue may have been purged.
_REMEMBERED: Final = 1_000


class Proof:
    """The proof of one session. All deliveries up to the number `settled` are settled.

    Deliveries are those from the partition's own queue, including probes, counted from 1. `on_answer` is
    called when the broker has confirmed or refused a probe. Everything runs on the connection's thread.
    """

    def __init__(self, channel: Channel, queue: str, session: bytes, on_answer: Callable[[], None]) -> None:
        self.settled = 0
        self.delivered = 0
        self.acknowledged = 0
        self._channel, self._queue, self._name, self._on_answer = channel, queue, session.hex(), on_answer
        self._published = 0
        self._published_at = float("-inf")
        #: When the last probes were published, in milliseconds since 1970.
        self._times: dict[str, int] = {}
        self._answered = True
        #: The probe that is on its way, if any, and the acknowledgements that its return proves.
        self._awaited: str | None = None
        self._proves = 0
        #: The last acknowledged delivery when the last probe was published, and when the last confirmed one
        #: was.
        self._at_last = self._at_last_confirmed = 0
        channel.confirm_delivery(self._on_confirm)

    @property
    def complete(self) -> bool:
        """Whether all acknowledged readings are settled."""
        return self.settled >= self.acknowledged

    def deliver(self) -> int:
        """Count a delivery and note its proof. Return the delivery's number."""
        self.delivered = delivered = self.delivered + 1
        if delivered - wire.PREFETCH > self.settled:
            self.settled = delivered - wire.PREFETCH
        return delivered

    def acknowledge(self, delivery: int) -> None:
        """Note that all deliveries up to this one are being acknowledged."""
        self.acknowledged = max(self.acknowledged, delivery)

    def publish(self, *, seconds: float = PROBE_SECONDS) -> None:
        """Publish a probe unless one is on its way or was published within these seconds."""
        ago = monotonic() - self._published_at
        under_way = not self._answered or (self._awaited is not None and ago < _LOST_SECONDS)
        if under_way or ago < seconds or not self._channel.is_open:
            return
        self._published += 1
        self._published_at = monotonic()
        self._answered = False
        self._awaited = f"{self._name}/{self._published}"
        self._times[self._awaited] = milliseconds_now()
        while len(self._times) > _REMEMBERED:
            del self._times[next(iter(self._times))]
        self._proves, self._at_last = self._at_last_confirmed, self.acknowledged
        properties = pika.BasicProperties(type=wire.PROBE_TYPE, message_id=self._awaited)
        self._channel.basic_publish("", self._queue, b"", properties)

    def come_back(self, message_id: object) -> int | None:
        """Note that a probe was delivered. If it is the awaited one, it proves acknowledgements.

        Return when it was published, in milliseconds since 1970: all messages that were in the queue then
        have been delivered before it. None if it is not a probe of this session.
        """
        if message_id == self._awaited:
            self._awaited = None
            self.settled = max(self.settled, self._proves)
        return self._times.pop(message_id, None) if isinstance(message_id, str) else None

    def _on_confirm(self, frame: Any) -> None:
        """Handle the broker's confirm or refusal of the last probe. No other is published before."""
        self._answered = True
        if isinstance(frame.method, Basic.Ack):
            self._at_last_confirmed = self._at_last
        else:
            self._awaited = None  # refused: the queue is full, so deliveries will be the proof
        self._on_answer()
