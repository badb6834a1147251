# expect: limit
def process(data, state):
    hay, needle = b"ab" * 9_000, b"ab" * 4_000 + b"b"
    n = 0
    while True:
        n += hay.find(needle)
