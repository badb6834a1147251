# expect: refused-at-upload
# why: an imported name under that of a guard
from math import sqrt as _add_
def process(data, state):
    return {"r": 1}
