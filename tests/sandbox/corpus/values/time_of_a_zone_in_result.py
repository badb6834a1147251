# expect: runtime-error
from datetime import datetime
from zoneinfo import ZoneInfo
def process(data, state):
    return {"r": datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))}
