# expect: limit
import itertools
def process(data, state):
    return {"v": -1 in itertools.count()}
