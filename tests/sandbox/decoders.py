# ruff: noqa: E501 - the sources are as people write them
"""Decoders of binary payloads, as people write them for their devices; see `snippets`."""

from tests.sandbox.snippets import Snippet

#: A telegram of a Dutch smart meter, shortened, with its CRC-16 at the end.
P1 = "/ISK5\\2M550T-1012\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(260312101112W)\r\n1-0:1.8.1(004321.123*kWh)\r\n1-0:1.7.0(00.318*kW)\r\n0-1:24.2.1(260312101000W)(00987.654*m3)\r\n!"

DECODERS = [
    Snippet(
        "milesight",
        """
def readUInt16LE(b):
    value = (b[1] << 8) + b[0]
    return value & 0xFFFF

def readInt16LE(b):
    ref = readUInt16LE(b)
    return ref - 0x10000 if ref > 0x7FFF else ref

def process(data, state):
    payload = bytes.fromhex(data["hex"])
    decoded = {}
    i = 0
    while i < len(payload):
        channel, kind = payload[i], payload[i + 1]
        i += 2
        if channel == 0x01 and kind == 0x75:
            decoded["battery"] = payload[i]
            i += 1
        elif channel == 0x03 and kind == 0x67:
            decoded["temperature"] = readInt16LE(payload[i:i + 2]) / 10
            i += 2
        elif channel == 0x04 and kind == 0x68:
            decoded["humidity"] = payload[i] / 2
            i += 1
        else:
            break
    return decoded
""",
        [{"hex": "01756403670101046871"}, {"hex": "0367f6ff"}, {"hex": "ff"}],
    ),
    Snippet(
        "dragino",
        """
import base64, struct

def process(data, state):
    raw = base64.b64decode(data["data"])
    battery, temperature, humidity, ext, ext_temperature = struct.unpack(">HhHBh", raw[:9])
    return {"BatV": (battery & 0x3FFF) / 1000, "TempC": temperature / 100, "Hum": humidity / 10,
            "TempC_DS": ext_temperature / 100 if ext & 0x7F == 1 else None}
""",
        [{"data": "y6QKMQJYAQpu"}, {"data": "y6QKMQJYAQ=="}, {"data": "y6QKMQJ"}],
    ),
    Snippet(
        "elsys",
        """
import binascii, struct

SIZES = {0x01: 2, 0x02: 1, 0x03: 3, 0x04: 2, 0x05: 1, 0x06: 2, 0x07: 2, 0x0A: 4}

def process(data, state):
    payload = binascii.unhexlify(data["payload"])
    out, at = {}, 0
    while at < len(payload):
        kind = payload[at]
        value = payload[at + 1:at + 1 + SIZES.get(kind, 0)]
        if kind == 0x01:
            out["temperature"] = int.from_bytes(value, "big", signed=True) / 10
        elif kind == 0x02:
            out["humidity"] = value[0]
        elif kind == 0x03:
            out["acceleration"] = list(struct.unpack("bbb", value))
        elif kind == 0x0A:
            out["pulse"] = struct.unpack_from(">I", payload, at + 1)[0]
        at += 1 + SIZES.get(kind, 0)
    out["raw"] = payload.hex(" ").upper()
    return out
""",
        [{"payload": "0100e2022903fd0a0f0a00012c00"}, {"payload": "010"}, {"payload": "03ff"}],
    ),
    Snippet(
        "modbus frame with crc",
        """
import struct

def crc16(frame):
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc

def process(data, state):
    frame = bytes.fromhex(data["frame"])
    body, check = frame[:-2], frame[-2:]
    if crc16(body).to_bytes(2, "little") != check:
        state["bad"] = state.get("bad", 0) + 1
        return None
    slave, function, count = struct.unpack_from("<BBB", body)
    registers = struct.unpack(f">{count // 2}H", body[3:3 + count])
    swapped = struct.pack(">HH", *reversed(registers[:2]))
    return {"slave": slave, "registers": list(registers), "float": struct.unpack(">f", swapped)[0]}
""",
        [{"frame": "01 03 04 00 00 42 48 CA A5"}, {"frame": "010304000042480000"}],
    ),
    Snippet(
        "p1 telegram with crc",
        """
def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc

NAMES = {"1-0:1.8.1": "import_kwh", "1-0:1.7.0": "power_kw", "0-1:24.2.1": "gas_m3"}

def process(data, state):
    raw = data["telegram"].encode("ascii")
    end = raw.index(b"!") + 1
    out = {"crc": f"{crc16(raw[:end]):04X}"}
    for line in raw[:end].split(b"\\r\\n"):
        name, bracket, rest = line.partition(b"(")
        key = NAMES.get(name.decode("ascii"))
        if key and bracket:
            out[key] = float(rest.rstrip(b")").split(b"(")[-1].split(b"*")[0])
    return out
""",
        [{"telegram": P1}],
    ),
    Snippet(
        "ewon rows",
        """
def process(data, state):
    text = base64_of(data["body"]).decode("latin-1", "replace")
    head, *rows = [line.split(";") for line in text.strip().splitlines()]
    names = [name.strip('"') for name in head]
    return [dict(zip(names, row)) for row in rows]

import base64

def base64_of(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
""",
        [{"body": "IlRpbWVJbnQiOyJUYW5rIgoxNzAwMDAwMDAwOzIxLjUKMTcwMDAwMDA2MDsyMi4w"}],
    ),
    Snippet(
        "vibration samples",
        """
import math, struct

def process(data, state):
    raw = bytes(data["raw"])
    samples = [sample[0] / 16384 for sample in struct.iter_unpack("<h", raw)]
    mean = sum(samples) / len(samples)
    return {"rms": math.sqrt(sum((s - mean) ** 2 for s in samples) / len(samples)), "n": len(samples)}
""",
        [{"raw": [0, 64, 0, 192, 255, 63, 1, 192]}, {"raw": [1, 2, 3]}, {"raw": [1, 256]}],
    ),
    Snippet(
        "bytes as keys and in comparisons",
        """
KINDS = {b"T": "temperature", b"\\x02": "humidity", 5: "other"}

def process(data, state):
    raw = data["t"].encode("latin-1", errors="ignore")
    seen = {raw[i:i + 1] for i in range(len(raw))}
    match raw[:1]:
        case b"T":
            kind = "T"
        case bytes(x) if x:
            kind = x.hex()
        case _:
            kind = None
    return {
        "kind": kind, "known": [KINDS.get(raw[i:i + 1]) for i in range(len(raw))], "sorted": sorted(raw),
        "seen": sorted(x.hex() for x in seen), "less": raw < b"U", "is": isinstance(raw, bytes),
        "same": type(raw) is bytes, "text": str(raw), "repr": f"{raw!r:>12}", "percent": "%s" % raw,
        "back": raw[::-1].decode("latin-1"), "other": raw == data["t"], "sum": sum(raw), "max": max(raw, default=0),
        "any": 84 in raw, "joined": b"-".join([raw, b"x"]).decode("latin-1"), "times": len(raw * 3 + raw),
        "parts": ["".join(map(chr, part)) for part in raw.split(b",")], "crc": "%04x" % crc(raw),
        "b64": base64.b64encode(raw).decode(), "b16": base64.b16encode(raw).decode(), "number": int.from_bytes(raw[:8], "big"),
        "strip": raw.strip(b" T").hex("-", 2), "find": [raw.find(b","), raw.rfind(44), raw.count(b"")],
        "starts": raw.startswith((b"a", b"T")), "dict": {str(k): v for k, v in {raw: 1, b"": 2}.items()},
    }

import base64, binascii

def crc(raw):
    return binascii.crc_hqx(raw, 0xFFFF) ^ binascii.crc32(raw) & 0xFFFF
""",
        [{"t": "T,5 T"}, {"t": ""}, {"t": "\x02\xff€"}, {"t": "U" * 40}],
    ),
    Snippet(
        "errors of bytes",
        """
import base64, binascii, struct

def attempt(f):
    try:
        return f()
    except UnicodeDecodeError as e:
        return "decode: " + str(e)
    except UnicodeEncodeError as e:
        return "encode: " + str(e)
    except struct.error as e:
        return "struct"
    except binascii.Error as e:
        return "base64: " + str(e)
    except Exception as e:
        return type(e) is ValueError

def process(data, state):
    raw = b"\\xffabc"
    return {"all": [
        attempt(lambda: raw.decode()), attempt(lambda: raw.decode("ascii")), attempt(lambda: "ä€".encode("latin1")),
        attempt(lambda: struct.unpack("<I", raw + b"x")), attempt(lambda: struct.pack("<b", 500)),
        attempt(lambda: base64.b64decode("abc")), attempt(lambda: bytes.fromhex("0g")), attempt(lambda: raw[9]),
        attempt(lambda: raw + "x"), attempt(lambda: bytes([256])), attempt(lambda: raw.index(b"z")),
        attempt(lambda: (256).to_bytes(1, "big")), attempt(lambda: raw.decode("utf-8", "replace")),
        attempt(lambda: raw.decode(errors="ignore")), attempt(lambda: str(raw, "latin-1")), attempt(lambda: bytes("ä", "utf8").hex()),
        attempt(lambda: struct.calcsize("<3s2xHq?d")), attempt(lambda: list(struct.unpack("<3s?", raw))[1]),
    ]}
""",
    ),
]
