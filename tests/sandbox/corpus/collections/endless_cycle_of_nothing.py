# expect: ok
import itertools
def process(data, state):
    return {"v": list(itertools.cycle([]))}
