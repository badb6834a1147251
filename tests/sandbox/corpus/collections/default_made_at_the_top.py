# expect: ok
from collections import defaultdict
GROUPS = defaultdict(list)
for name, group in [("a", 1), ("b", 2), ("c", 1)]:
    GROUPS[group].append(name)
def process(data, state):
    GROUPS[1].append("x")
    return {"v": GROUPS[1], "n": len(GROUPS[9])}
