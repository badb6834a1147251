# expect: runtime-error
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
def process(data, state):
    return {"r": str(datetime(9999, 12, 31, 23, tzinfo=timezone.utc).astimezone(ZoneInfo("Asia/Tokyo")))}
