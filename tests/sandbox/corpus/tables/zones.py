# expect: ok
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
ZONES = {name: ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Tokyo")}
def process(data, state):
    t = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return {"r": {name: t.astimezone(zone).hour for name, zone in ZONES.items()}}
