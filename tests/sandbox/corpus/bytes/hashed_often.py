# expect: limit
def process(data, state):
    n = 0
    while True:
        n += {bytes(200_000) + b"x": 1}[bytes(200_000) + b"x"]
