"""Readings over MQTT 3.1.1 with QoS 1: the broker confirms each with a PUBACK.

paho could keep the unconfirmed readings and send them again, but a reading that is published while it
connects may overtake the ones that it sends again. So each connection has a new client and a clean session,
and the outbox decides which readings are sent. One thread with one `select` connects, publishes and handles
confirms, so it never handles a PUBACK before it has noted the published reading.

MQTT 3.1.1 cannot report that no queue takes a reading: RabbitMQ confirms the reading and drops it. So the
queues must exist before (the API and the workers declare them).
"""

import selectors
import socket
import ssl
import uuid
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from devices.errors import ConnectionLost
from devices.senders.address import Address
from devices.senders.sender import ANSWER_SECONDS, CONNECT_SECONDS, ThreadSender
from pipeline import wire

#: Unconfirmed readings at a time. MQTT allows 65,535; a lost connection repeats up to this many.
_WINDOW: Final = 1000

#: Readings published before the sender handles the PUBACKs received meanwhile.
_AT_ONCE: Final = 100

#: Seconds without traffic after which the client pings the broker.
_KEEPALIVE: Final = 30

#: Seconds between two checks of the clock while there is no traffic.
_CHECK_SECONDS: Final = 1.0

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class MqttSender(ThreadSender):
    """Publishes over MQTT. `url` is mqtt://user:password@host:port, or several. See `ThreadSender`.

    Raises `AddressError`.
    """

    def __init__(self, url: str, window: int = _WINDOW, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._brokers = [address for address, _ in Address.parse_all(url, _PORTS)]
        super().__init__([str(each) for each in self._brokers], window, answer_seconds)
        self._client_id = f"iot-devices-{uuid.uuid4().hex[:12]}"
        self._wake_up, self._woken = socket.socketpair()
        self._wake_up.setblocking(False)
        self._woken.setblocking(False)
        self._scheduled = False
        self._tag = 0
        self._tags: dict[int, int] = {}
        self._answer: str | None = None
        self._ready = self._more = False

    def close(self) -> None:
        """End the connection now. Unconfirmed readings stay unconfirmed."""
        super().close()
        self._wake_up.close()
        self._woken.close()

    def _wake(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._wake_up.send(b"\0")

    def _serve(self) -> None:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, self._client_id, protocol=paho.MQTTv311, reconnect_on_failure=False
        )
        client.max_inflight_messages = 0  # paho needs no bound: the outbox has one
        client.connect_timeout = CONNECT_SECONDS
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        broker = self._brokers[self._place]
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.scheme == "mqtts":
            client.tls_set()
        self._tags.clear()
        self._answer, self._ready, self._more = None, False, False
        try:
            client.connect(broker.host, broker.port, _KEEPALIVE)
            self._work(client)
        except OSError as e:
            raise ConnectionLost(
                f"{self.address} is unreachable or closed the connection ({e}). "
                "Check that RabbitMQ is running with its plugin rabbitmq_mqtt."
            ) from e
        finally:
            client.disconnect()
            client.loop_write()
            # If paho could not write its DISCONNECT, it leaves the socket open.
            if (connection := client.socket()) is not None:
                connection.close()

    def _work(self, client: paho.Client) -> None:
        """Send and receive until closed. Raises `ConnectionLost`."""
        connection = client.socket()
        if connection is None:
            raise ConnectionLost(f"{self.address} closed the connection immediately.")
        encrypted = isinstance(connection, ssl.SSLSocket)
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ)
            while not self._closing.is_set():
                writing = selectors.EVENT_WRITE if client.want_write() else 0
                selector.modify(connection, selectors.EVENT_READ | writing)
                events = {key.fileobj: mask for key, mask in selector.select(self._pause(client))}
                if self._woken in events:
                    # Clear the flag first: readings added from now on wake this thread again.
                    self._scheduled = False
                    self._woken.recv(4096)
                mask = events.get(connection, 0)
                # An encrypted connection may hold bytes that `select` cannot see.
                if mask & selectors.EVENT_READ or encrypted:
                    self._check(client.loop_read())
                if mask & selectors.EVENT_WRITE:
                    self._check(client.loop_write())
                self._check(client.loop_misc())
                if (silence := self._silence()) is not None:
                    raise ConnectionLost(silence)
                if self._ready:
                    self._publish(client)

    def _pause(self, client: paho.Client) -> float:
        """Return the seconds to sleep: none if there are readings to publish and room for them."""
        return 0.0 if self._more and not client.want_write() else _CHECK_SECONDS

    def _publish(self, client: paho.Client) -> None:
        self._more = True
        for _ in range(_AT_ONCE):
            parcel = self.outbox.take(self._tag + 1)
            if parcel is None:
                self._more = False
                return
            self._tag += 1
            info = client.publish(wire.data_topic(parcel.machine), parcel.body, qos=1)
            self._tags[info.mid] = self._tag
            self._check(info.rc)

    def _check(self, status: MQTTErrorCode) -> None:
        if self._answer is not None:
            raise ConnectionLost(self._answer)
        if status != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionLost(f"{self.address} closed the connection ({paho.error_string(status)}).")

    def _on_connect(self, _client: object, _data: object, _flags: object, code: Any, _more: object) -> None:
        if code.is_failure:
            self._answer = f"{self.address} refused the connection: {code}."
        else:
            self._ready = True
            self._connected()

    def _on_publish(self, _client: object, _data: object, mid: int, _code: object, _more: object) -> None:
        self.outbox.confirm(self._tags.pop(mid))
