# expect: refused-at-upload
# why: the name of a module
import math
def process(data, state):
    return {"r": math.__name__}
