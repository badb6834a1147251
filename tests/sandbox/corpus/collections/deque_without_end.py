# expect: limit
from collections import deque
def process(data, state):
    d = deque()
    while True:
        d.append(1)
