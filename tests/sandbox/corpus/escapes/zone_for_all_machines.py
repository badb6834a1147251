# expect: refused-at-upload
# why: a time zone is the same object for all machines, so nothing may be kept on it
from zoneinfo import ZoneInfo
def process(data, state):
    ZoneInfo("UTC").key = data
    return {"r": 1}
