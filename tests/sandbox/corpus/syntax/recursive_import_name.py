# expect: refused-at-upload
# why: a name that is imported is set
from statistics import mean
def process(data, state):
    mean = 5
    return {"r": mean}
