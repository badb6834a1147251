# expect: limit
# why: keys of a pattern that collide with the keys of a dict
def process(data, state):
    m = 2 ** 61 - 1
    d = {n * m: n for n in range(3000)}
    while True:
        match d:
            case {2305843009213693951000000: _}:
                pass
