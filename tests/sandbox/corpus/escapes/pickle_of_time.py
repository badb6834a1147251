# expect: runtime-error
from datetime import date, datetime, time
def process(data, state):
    d = time("\x01\xff\xff\xff\xff\xff")
    return {"r": [d.isoformat(), d.hour, d.minute, str(d)]}
