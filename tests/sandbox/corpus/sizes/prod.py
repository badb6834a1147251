# expect: limit
# why: prod
import math
def process(data, state):
    return {"r": math.prod([2 ** 900] * 20000) % 7}
