# expect: limit
# why: local times that are equal in UTC are compared in both readings of the clock
from datetime import datetime
from zoneinfo import ZoneInfo
def process(data, state):
    one = datetime(2600, 5, 3, 1, tzinfo=ZoneInfo("America/Nuuk"))
    other = one.astimezone(ZoneInfo("Australia/Lord_Howe"))
    ones, others = [one] * 10000, [other] * 10000
    n = 0
    for i in range(8):
        n += ones == others
        n += ones.count(other)
    return {"r": n}
