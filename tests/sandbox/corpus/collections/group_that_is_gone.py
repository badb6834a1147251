# expect: ok
import itertools
def process(data, state):
    groups = [group for _, group in itertools.groupby("aabbc")]
    return {"v": [list(group) for group in groups]}
