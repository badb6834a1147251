# expect: ok
import math
def process(data, state):
    s = {math.nan, 1.0, 2.0, 3.0, 4.0, 0.5}
    s.add(math.inf - math.inf)
    s.add(math.inf * 0.0)
    return {"r": [str(x) for x in s]}
