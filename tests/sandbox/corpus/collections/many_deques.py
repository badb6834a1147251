# expect: limit
from collections import deque
def process(data, state):
    kept = []
    while True:
        kept.append(deque())
