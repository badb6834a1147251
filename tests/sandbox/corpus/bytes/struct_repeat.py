# expect: limit
import struct
def process(data, state):
    return {"n": len(struct.pack("<999999999x"))}
