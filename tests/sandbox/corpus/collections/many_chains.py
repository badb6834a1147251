# expect: ok
import itertools
def process(data, state):
    n = 0
    for i in range(1_000):
        n += sum(itertools.chain(map(abs, [1, -2]), itertools.islice([5, 6, 7], 2)))
    return {"v": n}
