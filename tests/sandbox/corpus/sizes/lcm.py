# expect: limit
# why: lcm grows
import math
def process(data, state):
    n = 1
    for i in range(1, 20000):
        n = math.lcm(n, i)
    return {"r": n % 7}
