# expect: runtime-error
from datetime import date, datetime
def process(data, state):
    d = date("\x00\x00\x01\x01")
    out = [d.year, d.isoformat(), d.weekday()]
    for day in range(1, 8):
        out.append(date("\x00\x00\x01" + chr(day)).ctime())
    return {"r": out}
