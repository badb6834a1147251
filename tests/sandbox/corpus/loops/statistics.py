# expect: limit
# why: statistics of long lists
from statistics import pstdev
def process(data, state):
    xs = list(range(5000))
    while True:
        pstdev(xs)
