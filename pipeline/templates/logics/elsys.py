"""Elsys sensor

Decodes the payload of Elsys' LoRaWAN sensors, such as the ERS series: temperature, humidity, light,
motion, CO2 and more.
"""

import struct

# A payload is a list of values. Each begins with a byte for its type. This table says for each type: the name
# of the result, the format of the value for `struct`, and the factor. ">h" are two bytes with a sign, the
# high byte first. A format such as ">bbb" has several values.
TYPES = {
    0x01: ("temperature", ">h", 0.1),
    0x02: ("humidity", ">B", 1),
    0x03: ("acceleration", ">bbb", 1 / 63),
    0x04: ("light", ">H", 1),
    0x05: ("motion", ">B", 1),
    0x06: ("co2", ">H", 1),
    0x07: ("battery", ">H", 0.001),
    0x08: ("analog1", ">H", 0.001),
    0x0A: ("pulses1", ">H", 1),
    0x0B: ("total_pulses1", ">I", 1),
    0x0C: ("external_temperature1", ">h", 0.1),
    0x0D: ("digital", ">B", 1),
    0x0E: ("distance", ">H", 1),
    0x0F: ("movements", ">B", 1),
    0x10: ("infrared", ">hh", 0.1),
    0x11: ("occupancy", ">B", 1),
    0x12: ("water_leak", ">B", 1),
    0x14: ("pressure", ">I", 0.001),
    0x15: ("sound", ">BB", 1),
    0x16: ("pulses2", ">H", 1),
    0x17: ("total_pulses2", ">I", 1),
    0x18: ("analog2", ">H", 0.001),
    0x19: ("external_temperature2", ">h", 0.1),
    0x1A: ("digital2", ">B", 1),
    0x1B: ("analog_microvolts", ">i", 1),
    0x1C: ("tvoc", ">H", 1),
}


def process(data, state):
    if not data:
        raise ValueError("the payload is empty")
    result = {}
    at = 0
    while at < len(data):
        kind = data[at]
        # Without the type, the length of a value is unknown, and so is where the next one begins.
        if kind not in TYPES:
            raise ValueError(f"unknown type {kind:02x} at byte {at}")
        name, form, factor = TYPES[kind]
        end = at + 1 + struct.calcsize(form)
        if end > len(data):
            raise ValueError(f"the payload ends in the middle of the {name}")
        values = struct.unpack(form, data[at + 1 : end])
        if factor != 1:
            values = [round(value * factor, 3) for value in values]
        result[name] = values[0] if len(values) == 1 else list(values)
        at = end
    return result
