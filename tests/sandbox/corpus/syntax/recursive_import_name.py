# expect: ok
# why: a name that is imported at the top level is a variable of its own in a function
from statistics import mean
def process(data, state):
    mean = 5
    return {"r": mean}
