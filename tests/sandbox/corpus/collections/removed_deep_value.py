# expect: limit
from collections import deque
def process(data, state):
    x = [1]
    for i in range(60):
        x = [x, x]
    deque([1, 2]).remove(x)
