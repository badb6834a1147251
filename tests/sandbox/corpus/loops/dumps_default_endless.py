# expect: limit
# why: a default that returns a value that needs the default again
import json
from datetime import date
def process(data, state):
    return {"r": json.dumps([date(1, 1, 1)] * 1000, default=lambda x: [x, x])}
