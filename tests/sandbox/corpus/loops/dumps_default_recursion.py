# expect: limit
# why: a default that calls json.dumps with itself
import json
from datetime import date
def encode(x):
    return json.dumps([x], default=encode)
def process(data, state):
    return {"r": encode(date(1, 1, 1))}
