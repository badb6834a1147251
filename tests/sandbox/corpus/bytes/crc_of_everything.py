# expect: ok
import binascii, zlib
def process(data, state):
    raw = bytes(range(256))
    return {"v": [binascii.crc32(raw), zlib.crc32(raw, 7), zlib.adler32(raw), binascii.crc_hqx(raw, 0xFFFF), binascii.crc32(raw, -1), binascii.crc32(raw, 2**90)]}
