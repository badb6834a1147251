# expect: limit
# why: dates of different time zones are compared with each other
from datetime import datetime, timedelta, timezone


def process(data, state):
    one = datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=23, microseconds=7)))
    other = datetime(2026, 1, 1, 1, tzinfo=timezone.utc) - timedelta(microseconds=7)
    ones, others = [one] * 10000, [other] * 10000
    n = 0
    for i in range(8):
        n += ones == others
        n += ones.count(other)
    return {"r": n}
