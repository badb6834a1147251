# expect: runtime-error
from zoneinfo import ZoneInfo
def process(data, state):
    return {"r": {ZoneInfo("UTC"): 1}}
