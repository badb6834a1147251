"""Checks of RabbitMQ over AMQP: its version, our exchanges and queues, and their consumers.

Existing exchanges and queues are declared again with our arguments; the broker answers whether they are
equal. Missing ones are not created, because the first process that starts declares them.
"""

import secrets
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire
from pipeline.broker import sent_at, topology
from pipeline.broker.connection import BlockingConnection, connect, reason_of
from pipeline.errors import TopologyError
from pipeline.settings import Settings, addresses_of
from web.cli.doctor.finding import Finding

_AREA: Final = "RabbitMQ"

#: The oldest tested version.
_OLDEST: Final = (3, 10)

#: The timeout for connecting, in seconds.
_PATIENCE: Final = 5

#: AMQP's reply code for a missing exchange or queue.
_NOT_FOUND: Final = 404

#: A message that is sent to see which properties the broker adds.
_SAMPLE: Final = pika.BasicProperties()

_START: Final = "If this system is new, nothing to do: the API or a worker declares it when it starts."


def check_rabbitmq(settings: Settings) -> Iterator[Finding]:
    """Run all checks of the broker."""
    try:
        connection = connect(settings.amqp_url, patience=_PATIENCE)
        with connection:
            # Pika keeps the server's properties for its adapters only.
            yield _version(connection._impl.server_properties or {})
            look = _Inspection(connection)
            there = [each for each in topology.EXCHANGES if look.has_exchange(each.name)]
            yield from look.exchanges(there)
            yield from look.queues(settings)
            yield look.times(connection._impl.server_properties or {})
        if len(there) < len(topology.EXCHANGES):
            yield _exchange_type(connection.parameters)
    except (pika.exceptions.AMQPError, OSError, ValueError) as e:
        yield Finding(
            _AREA,
            "wrong",
            f"RabbitMQ is unavailable: {reason_of(e)}.",
            "Start it, or set IOT_LOGIC_AMQP_URL (amqp://user:password@host:port/vhost). Its user needs all "
            "permissions in the virtual host.",
        )


def check_mqtt(settings: Settings) -> Iterator[Finding]:
    """Check whether devices can connect over MQTT, to each node."""
    return (_check_listener(each) for each in addresses_of(settings.mqtt_url))


def _check_listener(address: str) -> Finding:
    url = urlsplit(address)
    host, port = url.hostname or "127.0.0.1", url.port or 1883
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except OSError as e:
        return Finding(
            "MQTT",
            "note",
            f"Nothing listens at {host}:{port} (IOT_LOGIC_MQTT_URL): {e}",
            "If devices use MQTT, run: rabbitmq-plugins enable rabbitmq_mqtt",
        )
    return Finding("MQTT", "ok", f"Something listens at {host}:{port}.")


def _numbers(properties: dict[str, Any]) -> tuple[int, ...]:
    """Return the first two numbers of the broker's version, empty if it has another form."""
    try:
        return tuple(int(each) for each in str(properties.get("version")).split(".")[:2])
    except ValueError:
        return ()


def _version(properties: dict[str, Any]) -> Finding:
    product, version = (str(properties.get(name, "?")) for name in ("product", "version"))
    numbers = _numbers(properties)
    if product != "RabbitMQ" or not numbers:
        return Finding(
            _AREA, "note", f"The broker is {product} {version}.", "Only RabbitMQ is tested. Use RabbitMQ."
        )
    if numbers < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        return Finding(_AREA, "wrong", f"RabbitMQ {version} is too old.", f"Upgrade to {oldest} or newer.")
    return Finding(_AREA, "ok", f"The broker is RabbitMQ {version}.")


class _Inspection:
    """Asks the broker. A missing or different exchange or queue closes the channel."""

    def __init__(self, connection: pika.BlockingConnection) -> None:
        self._connection = connection
        self._channel = connection.channel()

    def has_exchange(self, name: str) -> bool:
        """Return whether there is an exchange with this name."""
        return self._ask(lambda channel: channel.exchange_declare(name, passive=True)) is not None

    def exchanges(self, there: list[topology.Exchange]) -> Iterator[Finding]:
        """Check whether the existing exchanges are declared correctly."""
        wrong = list[Finding]()
        for exchange in there:
            try:
                topology.declare_exchange(self._open(), exchange)
            except TopologyError as e:
                wrong.append(Finding(_AREA, "wrong", *_halves(e)))
        yield from wrong
        missing = [each.name for each in topology.EXCHANGES if each not in there]
        if missing:
            yield Finding(_AREA, "note", f"There is no exchange {some(missing)} yet.", _START)
        elif not wrong:
            yield Finding(_AREA, "ok", "The exchanges are declared correctly.")

    def queues(self, settings: Settings) -> Iterator[Finding]:
        """Check whether the queues are declared correctly, and how many messages they hold."""
        missing, wrong, unserved = list[str](), list[Finding](), list[str]()
        waiting = 0
        for queue in topology.queues(settings):
            found = self._find(queue.name)
            if found is None:
                missing.append(queue.name)
                continue
            if queue.name != wire.HEALTH_CHECK_QUEUE:  # nobody consumes it
                waiting += found.method.message_count
                if not found.method.consumer_count:
                    unserved.append(queue.name)
            try:
                topology.declare_queue(self._open(), queue)
            except TopologyError as e:
                wrong.append(Finding(_AREA, "wrong", *_halves(e)))
        yield from wrong
        if missing:
            yield Finding(_AREA, "note", f"There is no queue {some(missing)} yet.", _START)
        elif not wrong:
            yield Finding(_AREA, "ok", f"The queues are declared correctly. {waiting} messages wait in them.")
        if unserved:
            yield Finding(
                _AREA,
                "wrong",
                f"No consumer for {some(unserved)}.",
                "Start a worker (dramatiq pipeline.actors); for dead-letters, start the API.",
            )
        beyond = wire.readings_queue(settings.partitions)
        if self._find(beyond) is not None:
            yield Finding(
                _AREA,
                "wrong",
                f"There are more partitions than IOT_LOGIC_PARTITIONS says: the queue {beyond} exists. No "
                "worker processes the readings in it.",
                "Set IOT_LOGIC_PARTITIONS to its original value, for the API and all workers.",
            )

    def times(self, properties: dict[str, Any]) -> Finding:
        """Check whether the broker adds the time of arrival to a message. Sends one through its own queue."""
        line = f"Add this line to rabbitmq.conf, then restart RabbitMQ: {sent_at.RABBITMQ_LINE}"
        try:
            channel = self._open()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.confirm_delivery()
            channel.basic_publish("", queue, b"", _SAMPLE)
            _, found, _ = channel.basic_get(queue, auto_ack=True)
        except pika.exceptions.ChannelClosedByBroker as e:
            return Finding(
                _AREA,
                "note",
                "Whether RabbitMQ timestamps readings was not checked, because its user may not declare a "
                f"queue ({e.reply_text}).",
                f"Check that rabbitmq.conf has this line: {sent_at.RABBITMQ_LINE}",
            )
        if found is not None and sent_at.sent_at_of(found.headers) is not None:
            return Finding(_AREA, "ok", "RabbitMQ timestamps readings when it receives them.")
        if (_numbers(properties) or sent_at.RABBITMQ_KNOWS) < sent_at.RABBITMQ_KNOWS:
            line = f"Upgrade RabbitMQ to {'.'.join(map(str, sent_at.RABBITMQ_KNOWS))} or newer. {line}"
        return Finding(
            _AREA,
            "note",
            "RabbitMQ does not timestamp readings. So the age of readings over MQTT is unknown, and equal "
            "readings without a message_id cannot be distinguished.",
            line,
        )

    def has_queue(self, name: str) -> bool:
        """Return whether there is a queue with this name."""
        return self._find(name) is not None

    def _find(self, queue: str) -> Any:
        return self._ask(lambda channel: channel.queue_declare(queue, passive=True))

    def _ask(self, question: Callable[[BlockingChannel], Any]) -> Any:
        """Return the broker's answer; None if the exchange or queue is missing."""
        try:
            return question(self._open())
        except pika.exceptions.ChannelClosedByBroker as e:
            if e.reply_code != _NOT_FOUND:
                raise
            return None

    def _open(self) -> BlockingChannel:
        if not self._channel.is_open:
            self._channel = self._connection.channel()
        return self._channel


def _exchange_type(parameters: pika.connection.Parameters) -> Finding:
    """Check whether the broker supports the type of our exchange: declare one of that type, and delete it."""
    [readings] = [each for each in topology.EXCHANGES if each.name == wire.READINGS_EXCHANGE]
    tried = topology.Exchange(f"iot-logic-doctor-{secrets.token_hex(4)}", readings.type)
    with BlockingConnection(parameters) as connection:
        channel = connection.channel()
        try:
            topology.declare_exchange(channel, tried)
        except TopologyError as e:
            return Finding(_AREA, "wrong", *_halves(e))
        channel.exchange_delete(tried.name)
    return Finding(_AREA, "ok", f"RabbitMQ knows the exchange type {tried.type}.")


def _halves(error: TopologyError) -> tuple[str, str]:
    """Return the problem and the remedy: the first sentence, and the rest."""
    what, _, todo = str(error).partition(". ")
    return f"{what}.", todo


def outdated_queues(settings: Settings) -> list[str]:
    """Return the existing queues of partitions that an older version declared.

    Raises `TopologyError` or pika's error.
    """
    with connect(settings.amqp_url, patience=_PATIENCE) as connection:
        look = _Inspection(connection)
        return [
            queue.name
            for queue in topology.queues(settings)
            if look.has_queue(queue.name) and not topology.declare_queue(connection.channel(), queue)
        ]


def some(names: list[str]) -> str:
    """Return the first of these names, and the number of the others."""
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
