# expect: refused-at-upload
# why: __future__ has no braces
from __future__ import braces
def process(data, state):
    return {"r": 1}
