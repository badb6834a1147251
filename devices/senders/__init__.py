"""Senders of readings over MQTT, AMQP and HTTP. The receiver confirms each reading."""

from collections.abc import Callable
from typing import Final

from devices.senders.amqp import AmqpSender
from devices.senders.http import HttpSender
from devices.senders.mqtt import MqttSender
from devices.senders.sender import Sender
from pipeline.settings import Settings

#: For each protocol, a function that makes a sender for an address, and one that reads the default address
#: from the settings.
SENDERS: Final[dict[str, tuple[Callable[[str, Settings], Sender], Callable[[Settings], str]]]] = {
    "mqtt": (lambda url, _: MqttSender(url), lambda settings: settings.mqtt_url),
    "amqp": (lambda url, _: AmqpSender(url), lambda settings: settings.amqp_url),
    "http": (lambda url, settings: HttpSender(url, settings.api_token), lambda settings: settings.api_url),
}

__all__ = ["SENDERS", "AmqpSender", "HttpSender", "MqttSender", "Sender"]
