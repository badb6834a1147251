# expect: limit
from collections import Counter
def process(data, state):
    return {"v": list(Counter({"a": 10**30}).elements())}
