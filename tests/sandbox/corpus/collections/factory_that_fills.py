# expect: limit
from collections import defaultdict
def process(data, state):
    d = defaultdict(list)
    for i in range(20_000):
        d[i]
