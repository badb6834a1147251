"""How far a session's readings are settled for certain: their acknowledgements are in the queue's log.

Neither that an acknowledgement was sent nor that the channel answers proves it. In RabbitMQ (3.10 to 4.3) the
channel hands acknowledgements to the queue's leader without waiting (`rabbit_fifo_client:settle/3`), may hold
them back while 32 commands are under way (`unsent_commands`), and answers `basic.qos` all by itself
(`rabbit_channel:handle_method/3`). Until the leader has them in its log they are lost if it is killed.

Two things are proof, for both come from the leader after the log has what they rest on:

1.  *A delivery.* The leader gives a consumer credit for `PREFETCH` messages that are not settled
    (`rabbit_fifo:checkout/4`), and we acknowledge in order. So delivery n proves that all up to n - PREFETCH
    are settled.
2.  *A probe that comes back.* It is an empty message that the session publishes into its queue on the same
    channel. Acknowledgements that the channel has sent overtake it, as the leader's log takes those first
    (priority `normal` before `low`), but those held back do not. Once the broker has confirmed a probe, the
    channel has sent all that it held back before it. So a probe that is published after the confirm of the
    probe before it, and comes back, proves what had been acknowledged when that earlier probe was published.
    That it comes back *as a delivery to us* matters: while a link between brokers is cut, acknowledgements
    get lost, and the readings go to somebody else, but a probe published later is confirmed.

Probes are published once a second while there is something to prove, and when a session is released. A probe
carries the session's random name, so that nobody else can write one that proves something.

What is left: when a queue changes its leader, a channel sends again what the old leader has not answered
(`rabbit_fifo_client:resend_all_pending/1`), and for some milliseconds a newer acknowledgement may be ahead of
an older one. If the nodes of the channel and of the new leader both die in that moment, a delivery has proven
too much. A cluster of three does not outlive the loss of two nodes anyway.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import pika
from pika.channel import Channel
from pika.spec import Basic

from pipeline import wire

#: Seconds between two probes of a session, unless it is being released.
PROBE_SECONDS: Final = 1.0

#: Seconds after which a probe that has not come back is given up: somebody may have purged the queue. Behind
#: many readings it takes its time, and those prove more than it would.
_LOST_SECONDS: Final = 60.0


class Proof:
    """What is proven of one session. `settled` is the number of the delivery up to which all are settled.

    Deliveries are those from the partition's own queue, probes among them, counted from 1. `on_answer` is
    called when the broker has confirmed or refused a probe. All on the thread of the connection.
    """

    def __init__(self, channel: Channel, queue: str, session: bytes, on_answer: Callable[[], None]) -> None:
        self.settled = 0
        self.delivered = 0
        self.acknowledged = 0
        self._channel, self._queue, self._name, self._on_answer = channel, queue, session.hex(), on_answer
        self._published = 0
        self._published_at = float("-inf")
        self._answered = True
        #: The probe that is on its way, if any, and which acknowledgements its return proves.
        self._awaited: str | None = None
        self._proves = 0
        #: What was acknowledged when the last probe was published, and when the last confirmed one was.
        self._at_last = self._at_last_confirmed = 0
        channel.confirm_delivery(self._on_confirm)

    @property
    def complete(self) -> bool:
        """Whether all that was acknowledged is settled."""
        return self.settled >= self.acknowledged

    def deliver(self) -> int:
        """Count a delivery, and what it proves. Returns its number."""
        self.delivered += 1
        self.settled = max(self.settled, self.delivered - wire.PREFETCH)
        return self.delivered

    def acknowledge(self, delivery: int) -> None:
        """Note that all up to this delivery are being acknowledged."""
        self.acknowledged = max(self.acknowledged, delivery)

    def publish(self, *, seconds: float = PROBE_SECONDS) -> None:
        """Publish a probe, unless one is under way, or was published within these seconds."""
        ago = monotonic() - self._published_at
        under_way = not self._answered or (self._awaited is not None and ago < _LOST_SECONDS)
        if under_way or ago < seconds or not self._channel.is_open:
            return
        self._published += 1
        self._published_at = monotonic()
        self._answered = False
        self._awaited = f"{self._name}/{self._published}"
        self._proves, self._at_last = self._at_last_confirmed, self.acknowledged
        properties = pika.BasicProperties(type=wire.PROBE_TYPE, message_id=self._awaited)
        self._channel.basic_publish("", self._queue, b"", properties)

    def come_back(self, message_id: object) -> None:
        """A probe was delivered. If it is the one that is awaited, it proves something."""
        if message_id == self._awaited:
            self._awaited = None
            self.settled = max(self.settled, self._proves)

    def _on_confirm(self, frame: Any) -> None:
        """The broker confirms or refuses the last probe: no other is published before."""
        self._answered = True
        if isinstance(frame.method, Basic.Ack):
            self._at_last_confirmed = self._at_last
        else:
            self._awaited = None  # refused: the queue is full, so deliveries will prove it
        self._on_answer()
