# expect: ok
import struct
def process(data, state):
    out = []
    for offset in (-9, -4, 0, 3, 2**70, -2**70, 1.5, None):
        try:
            out.append(struct.unpack_from("<H", b"abcd", offset))
        except Exception as e:
            out.append(str(e))
    return {"out": out}
