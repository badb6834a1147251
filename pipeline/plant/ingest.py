"""Accepts readings over REST, and publishes each as a device would."""

import uuid
from concurrent.futures import Future
from threading import Lock
from time import monotonic
from typing import Final

import pika

from pipeline import clock, wire
from pipeline.broker.publisher import PERSISTENT, Message, Publisher
from pipeline.errors import Busy
from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings
from pipeline.store.deployments import MachineDeployments, ProfileDeployments
from pipeline.telemetry import tracing
from sandbox.errors import TooLong
from sandbox.limits import Limits
from sandbox.runtime.values import decode_reading

#: Maximum bytes of readings that wait for RabbitMQ's confirm.
UNCONFIRMED: Final = 64 * 1024**2

#: Seconds after which a client should retry if more than that waits.
_AGAIN_SECONDS: Final = 5


#: Seconds for which the settings of a machine are remembered, and of how many machines.
_REMEMBERED_SECONDS: Final = 1.0
_REMEMBERED: Final = 10_000


class SettingsReader:
    """Reads the settings of machines, each at most once in a second. Safe to share between threads."""

    def __init__(self, machines: MachineDeployments, profiles: ProfileDeployments) -> None:
        self._machines = machines
        self._profiles = profiles
        self._remembered = dict[str, tuple[float, MachineSettings]]()

    def remembered(self, machine_id: str) -> MachineSettings | None:
        """Return the settings that apply to a machine, or None if they must be read."""
        read_at, settings = self._remembered.get(machine_id, (float("-inf"), NO_SETTINGS))
        return settings if monotonic() - read_at < _REMEMBERED_SECONDS else None

    def read(self, machine_id: str) -> MachineSettings:
        """Read the settings that apply to a machine. Raises `RedisError`."""
        deployment = self._machines.read(machine_id)
        settings = deployment.settings
        if deployment.profile:
            settings = settings.over(self._profiles.read(deployment.profile).settings)
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[machine_id] = monotonic(), settings
        return settings


class Ingest:
    """Publishes readings. Safe to share between threads."""

    def __init__(self, publisher: Publisher, limits: Limits, settings: SettingsReader) -> None:
        self.settings = settings
        self._publisher = publisher
        self._limits = limits
        self._sending = Lock()
        self._unconfirmed = 0

    def send(
        self,
        machine_id: str,
        body: bytes,
        settings: MachineSettings,
        content_type: str | None,
        *,
        message_id: str | None = None,
    ) -> "tuple[str, Future[None]]":
        """Publish a reading as a device would. Return its message id and a future for the broker's confirm.

        Without a `message_id`, it gets a new one.

        If the machine's readings are JSON by its `settings`, raises `NotJson` if a worker would refuse this
        one. Other formats are decoded in the sandbox only. Raises `TooLong`, and `Busy` if too
        many readings wait to be confirmed: a broker that is short of memory or disk accepts nothing, and
        sends no answer. Also if the broker has said so.
        """
        self._check(body, settings)
        if (blocked := self._publisher.blocked) is not None:
            raise Busy(blocked.removesuffix("."), _AGAIN_SECONDS)
        with self._sending:
            if self._unconfirmed + len(body) > UNCONFIRMED:
                raise Busy("Too many readings wait for RabbitMQ's confirmation", _AGAIN_SECONDS)
            self._unconfirmed += len(body)
        message_id = message_id or str(uuid.uuid4())
        properties = pika.BasicProperties(
            content_type=content_type,
            delivery_mode=PERSISTENT,
            message_id=message_id,
            headers={wire.SENT_AT_HEADER: clock.milliseconds_now(), **tracing.headers()},
        )
        message = Message(wire.INGEST_EXCHANGE, wire.data_key(machine_id), body, properties, mandatory=True)
        confirmed = self._publisher.publish([message])
        confirmed.add_done_callback(lambda _: self._settle(len(body)))
        return message_id, confirmed

    def _check(self, body: bytes, settings: MachineSettings) -> None:
        if settings.is_plain_json:
            decode_reading(body, self._limits)
        elif len(body) > self._limits.reading_bytes:
            most = self._limits.reading_bytes
            raise TooLong(f"the reading has {len(body):,} bytes; the limit reading_bytes is {most:,}")

    def _settle(self, count: int) -> None:
        with self._sending:
            self._unconfirmed -= count
