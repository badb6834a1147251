# expect: ok
from collections import deque
def process(data, state):
    return deque([{"a": 1}, {"b": 2}])
