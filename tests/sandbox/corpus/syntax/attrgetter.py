# expect: refused-at-upload
# why: operator.attrgetter
from operator import attrgetter
def process(data, state):
    return {"r": 1}
