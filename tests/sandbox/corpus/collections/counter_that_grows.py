# expect: limit
from collections import Counter
def process(data, state):
    c = Counter({"a": 1})
    while True:
        c += c
