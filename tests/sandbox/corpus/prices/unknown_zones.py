# expect: limit
# why: each of them is compared with all names, for the message
from zoneinfo import ZoneInfo
def process(data, state):
    for i in range(100):
        try:
            ZoneInfo(f"am//eerucaoritna{i}")
        except KeyError:
            pass
    return {"r": 1}
