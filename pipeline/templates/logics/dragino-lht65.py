"""Dragino LHT65 sensor

Decodes the payload of a Dragino LHT65: battery, temperature, humidity, and the external sensor if
there is one.
"""

import struct

# What the external sensor measures, by its type: the name of the result, the format and the factor.
EXTERNAL = {
    1: ("external_temperature", ">h", 0.01),
    5: ("illumination", ">H", 1),
    6: ("voltage", ">H", 0.001),
    7: ("count", ">H", 1),
}

# The external temperature if no probe is connected.
NO_PROBE = 0x7FFF


def process(data, state):
    if len(data) != 11:
        raise ValueError(f"the payload has {len(data)} bytes instead of 11")
    # ">" is the high byte first, H are two bytes, h two bytes with a sign, B is one byte.
    battery, temperature, humidity, external = struct.unpack(">HhHB", data[:7])
    result = {
        # The two highest bits are the state of the battery, from 0 (very low) to 3 (good).
        "battery": (battery & 0x3FFF) / 1000,
        "battery_state": battery >> 14,
        "temperature": temperature / 100,
        "humidity": humidity / 10,
    }
    # Only the lower 4 bits are the type of the external sensor.
    kind = external & 0x0F
    if kind == 0:
        return result
    if kind not in EXTERNAL:
        raise ValueError(f"unknown type {kind} of the external sensor")
    name, form, factor = EXTERNAL[kind]
    value = struct.unpack(form, data[7:9])[0]
    if kind == 1 and value == NO_PROBE:
        result[name] = None
    else:
        result[name] = value if factor == 1 else round(value * factor, 3)
    return result
