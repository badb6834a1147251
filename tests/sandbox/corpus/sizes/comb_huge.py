# expect: limit
# why: comb of a huge number
import math
def process(data, state):
    return {"r": math.comb(2 ** 1000, 900) % 7}
