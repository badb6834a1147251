# expect: runtime-error
import datetime
def process(data, state):
    return {"r": [d.ctime() for d in map(datetime.date, ["\x00\x00\x01\x01"])]}
