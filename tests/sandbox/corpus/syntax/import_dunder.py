# expect: refused-at-upload
# why: the loader of a module
from math import __loader__
def process(data, state):
    return {"r": 1}
