# expect: refused-at-upload
# why: __self__ of a facade
import math
def process(data, state):
    return {"r": str(math.sqrt.__self__)}
