# expect: runtime-error
from collections import deque
def process(data, state):
    d = deque([1, 2, 3])
    for item in d:
        d.append(item)
