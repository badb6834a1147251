# expect: limit
import itertools
def process(data, state):
    return {"v": list(itertools.count())}
