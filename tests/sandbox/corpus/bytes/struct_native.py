# expect: runtime-error
import struct
def process(data, state):
    return {"n": struct.calcsize("BlP")}
