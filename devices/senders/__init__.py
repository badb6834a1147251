"""How readings are sent: over MQTT, AMQP or HTTP, each confirmed by whoever took it."""

from collections.abc import Callable
from typing import Final

from devices.senders.amqp import AmqpSender
from devices.senders.http import HttpSender
from devices.senders.mqtt import MqttSender
from devices.senders.sender import Sender
from pipeline.settings import Settings

#: For each way its name, how a sender to an address is made, and where the settings say that it is.
SENDERS: Final[dict[str, tuple[Callable[[str, Settings], Sender], Callable[[Settings], str]]]] = {
    "mqtt": (lambda url, _: MqttSender(url), lambda settings: settings.mqtt_url),
    "amqp": (lambda url, _: AmqpSender(url), lambda settings: settings.amqp_url),
    "http": (lambda url, settings: HttpSender(url, settings.api_token), lambda settings: settings.api_url),
}

__all__ = ["SENDERS", "AmqpSender", "HttpSender", "MqttSender", "Sender"]
