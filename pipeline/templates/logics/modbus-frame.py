"""Modbus frame with CRC

Checks the CRC of a Modbus RTU answer (function 3 or 4) and decodes its registers by a table.
"""

import struct

# The values in the registers: the name of the result, the first register of the answer (counted from 0), the
# format and the factor. ">H" is one register, ">h" one with a sign; ">I", ">i" and ">f" (a float) are two.
# Change this table to that of your device.
VALUES = [
    ("voltage", 0, ">H", 0.1),
    ("current", 1, ">h", 0.01),
    ("power", 2, ">f", 1),
    ("energy", 4, ">I", 0.1),
]

# Some devices send the low register of two first. Then this must be True.
LOW_REGISTER_FIRST = False


def crc16(frame):
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def registers_of(frame):
    """Return the bytes of the registers."""
    if len(frame) < 5:
        raise ValueError(f"the frame has only {len(frame)} bytes")
    # The CRC is in the last two bytes, the low byte first.
    calculated, received = crc16(frame[:-2]), int.from_bytes(frame[-2:], "little")
    if calculated != received:
        raise ValueError(f"the CRC is {received:04x} instead of {calculated:04x}")
    function, count = frame[1], frame[2]
    if function & 0x80:
        raise ValueError(f"the device answered with the exception code {frame[2]}")
    if function not in (3, 4):
        raise ValueError(f"the function is {function} instead of 3 or 4")
    if count != len(frame) - 5:
        raise ValueError(f"the frame announces {count} bytes of registers and has {len(frame) - 5}")
    return frame[3:-2]


def process(data, state):
    registers = registers_of(data)
    result = {"device": data[0]}
    for name, first, form, factor in VALUES:
        part = registers[2 * first : 2 * first + struct.calcsize(form)]
        if len(part) < struct.calcsize(form):
            raise ValueError(f"the frame has no register for {name}")
        if LOW_REGISTER_FIRST and len(part) == 4:
            part = part[2:] + part[:2]
        result[name] = round(struct.unpack(form, part)[0] * factor, 3)
    return result
