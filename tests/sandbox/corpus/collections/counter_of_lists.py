# expect: runtime-error
from collections import Counter
def process(data, state):
    c = Counter({"a": [1] * 10_000})
    c.update({"a": [1] * 10_000})
