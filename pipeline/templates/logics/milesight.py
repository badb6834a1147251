"""Milesight sensor

Decodes the payload of Milesight's LoRaWAN sensors, such as the EM300 and AM100 series: temperature,
humidity, CO2 and more.
"""

import struct

# A payload is a list of values. Each begins with the channel and the type, one byte each. This table says for
# them: the name of the result, the format of the value for `struct`, and the factor. "<h" are two bytes with
# a sign, the low byte first. A channel with several values has a name for each of them. Add the channels of
# your sensor from its manual.
CHANNELS = {
    (0x01, 0x75): ("battery", "<B", 1),
    (0x03, 0x67): ("temperature", "<h", 0.1),
    (0x04, 0x68): ("humidity", "<B", 0.5),
    (0x05, 0x6A): ("activity", "<H", 1),
    (0x06, 0x65): ("light visible_and_infrared infrared", "<HHH", 1),
    (0x07, 0x7D): ("co2", "<H", 1),
    (0x08, 0x7D): ("tvoc", "<H", 1),
    (0x09, 0x73): ("pressure", "<H", 0.1),
    (0x05, 0x00): ("water_leak", "<B", 1),
    (0x06, 0x00): ("door_open", "<B", 1),
}


def process(data, state):
    if not data:
        raise ValueError("the payload is empty")
    result = {}
    at = 0
    while at < len(data):
        head = data[at : at + 2]
        # Without its type, the length of a value is unknown, and so is where the next one begins.
        if tuple(head) not in CHANNELS:
            raise ValueError(f"unknown channel and type {head.hex(' ')} at byte {at}")
        names, form, factor = CHANNELS[tuple(head)]
        end = at + 2 + struct.calcsize(form)
        if end > len(data):
            raise ValueError(f"the payload ends in the middle of the {names}")
        for name, value in zip(names.split(), struct.unpack(form, data[at + 2 : end])):
            result[name] = value if factor == 1 else round(value * factor, 1)
        at = end
    return result
