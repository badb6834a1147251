# expect: ok
def crc(n):
    for _ in range(8):
        n = n >> 1 ^ (0xA001 if n & 1 else 0)
    return n.to_bytes(2, "little")
TABLE = [crc(n) for n in range(256)]
def process(data, state):
    return {"v": TABLE[7].hex()}
