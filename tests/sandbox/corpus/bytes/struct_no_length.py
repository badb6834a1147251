# expect: runtime-error
import struct

def process(data, state):
    return {"v": struct.pack("<0p", b"a").hex()}
