# expect: refused-at-upload
# why: a module as a value
import math
def process(data, state):
    return {"r": str(math)}
