# expect: runtime-error
from zoneinfo import ZoneInfo
def process(data, state):
    state["zone"] = ZoneInfo("UTC")
    return {"r": 1}
