# expect: refused-at-upload
# why: __call__ of a facade
import math
def process(data, state):
    return {"r": math.sqrt.__call__(4)}
