# expect: limit
# why: perm
import math
def process(data, state):
    return {"r": math.perm(10 ** 6) % 7}
