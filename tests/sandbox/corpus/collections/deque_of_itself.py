# expect: limit
from collections import deque
def process(data, state):
    d = deque()
    d.append(d)
    return {"v": str(d)}
