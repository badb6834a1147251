# expect: refused-at-upload
# why: a relative import
from . import job
def process(data, state):
    return {"r": 1}
