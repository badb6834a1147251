# expect: limit
from collections import Counter
def process(data, state):
    c = Counter()
    for i in range(20_000):
        c[i] += 1
