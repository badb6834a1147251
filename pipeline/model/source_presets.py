"""Presets: the sources of common devices and gateways, with their default topics."""

from typing import Final

from msgspec import Struct

from pipeline.model.topic_source import TopicSource


class SourcePreset(Struct, frozen=True):
    """A source to start from. `topic` is an example of a topic that it matches.

    `device` says which devices send so, and `note` what to set on them, or what to know.
    """

    name: str
    device: str
    source: TopicSource
    topic: str
    note: str


PRESETS: Final = (
    SourcePreset(
        "shelly",
        "Shelly Plus, Pro and later (Gen2 and later)",
        TopicSource(filter="shellies/{machine}/status/#"),
        "shellies/shellyplus1pm-a8032abe54dc/status/switch:0",
        "A device's topics begin with its MQTT prefix. Set the prefix of each device to shellies/<its id>, "
        "and enable generic status updates over MQTT.",
    ),
    SourcePreset(
        "tasmota",
        "Tasmota",
        TopicSource(filter="tele/{machine}/SENSOR"),
        "tele/tasmota_1AC3D4/SENSOR",
        "With the default FullTopic %prefix%/%topic%/. The id is the device's Topic.",
    ),
    SourcePreset(
        "zigbee2mqtt",
        "Zigbee2MQTT",
        TopicSource(filter="zigbee2mqtt/{machine}"),
        "zigbee2mqtt/0x00158d0001dc126a",
        "The id is the friendly name. A friendly name with a slash or a dot needs a source of its own.",
    ),
    SourcePreset(
        "chirpstack",
        "ChirpStack 4",
        TopicSource(filter="application/+/device/{machine}/event/up", case="lower"),
        "application/7f1a2b3c-0d4e-4f5a-8b6c-9d0e1f2a3b4c/device/0102030405060708/event/up",
        "The id is the DevEUI in lower case. ChirpStack must use JSON for its MQTT integration.",
    ),
    SourcePreset(
        "the-things-stack",
        "The Things Stack (The Things Network)",
        TopicSource(filter="v3/+/devices/{machine}/up"),
        "v3/furnaces@plant/devices/eui-0102030405060708/up",
        "The Things Stack has its own MQTT server. Forward v3/+/devices/+/up from it with an MQTT bridge.",
    ),
    SourcePreset(
        "ewon",
        "Ewon Flexy gateway",
        TopicSource(filter="ewon/{machine}/data", prefix="ewon-"),
        "ewon/1234-5678-90/data",
        "The topic is set in the gateway's script. Let it publish to ewon/<serial number>/data.",
    ),
)
