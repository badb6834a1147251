# expect: refused-at-upload
# why: everything of a module
from math import *
def process(data, state):
    return {"r": 1}
