# expect: runtime-error
from zoneinfo import ZoneInfo
def process(data, state):
    return {"r": str(type(ZoneInfo("UTC"))("UTC", {}, {}))}
