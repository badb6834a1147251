# expect: limit
import struct
def process(data, state):
    return {"n": len(struct.unpack("<99999B", bytes(99999)))}
