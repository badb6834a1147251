# expect: runtime-error
# why: a function of a module
import math
def process(data, state):
    return {"r": math.sqrt}
