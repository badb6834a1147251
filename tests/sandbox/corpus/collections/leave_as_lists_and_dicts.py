# expect: ok
from collections import Counter, defaultdict, deque
def process(data, state):
    groups = defaultdict(lambda: defaultdict(list))
    groups["a"]["b"].append(1)
    state["window"] = deque([1, 2, 3], maxlen=2)
    return [{"c": Counter("abca"), "g": groups, "d": [deque([deque()])]}, groups]
