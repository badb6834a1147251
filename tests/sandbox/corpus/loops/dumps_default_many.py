# expect: limit
# why: a default that is called for each item, without end
import json
from datetime import date
def process(data, state):
    days = [date(1, 1, 1)] * 20000
    while True:
        json.dumps(days, default=lambda x: 1)
