# expect: limit
from collections import defaultdict
def process(data, state):
    d = defaultdict(lambda: d["x" * len(d) + "y"])
    return {"v": d["a"]}
