# expect: runtime-error
import bisect
TABLE = [n * n for n in range(5)]
def process(data, state):
    bisect.insort(TABLE, 3)
