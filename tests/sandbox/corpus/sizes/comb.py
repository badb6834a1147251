# expect: limit
# why: comb
import math
def process(data, state):
    return {"r": math.comb(10 ** 6, 5 * 10 ** 5) % 7}
