# expect: refused-at-upload
# why: an import under the name of a guard
import math as _meter_
def process(data, state):
    return {"r": 1}
