"""How readings are sent: over MQTT, AMQP or HTTP, each confirmed by whoever took it."""

from collections.abc import Callable
from typing import Final

from devices.senders.amqp import AmqpSender
from devices.senders.http import HttpSender
from devices.senders.mqtt import MqttSender
from devices.senders.sender import Sender
from pipeline.settings import Settings

#: For each way its name, the sender, and where the settings say that the other side is.
SENDERS: Final[dict[str, tuple[Callable[[str], Sender], Callable[[Settings], str]]]] = {
    "mqtt": (MqttSender, lambda settings: settings.mqtt_url),
    "amqp": (AmqpSender, lambda settings: settings.amqp_url),
    "http": (HttpSender, lambda settings: settings.api_url),
}

__all__ = ["SENDERS", "AmqpSender", "HttpSender", "MqttSender", "Sender"]
