# expect: runtime-error|limit
# why: the name of a zone is written out by %Z
from datetime import datetime, timezone, timedelta
def process(data, state):
    z = timezone(timedelta(0), "z" * 250000)
    return {"r": datetime(2026, 1, 1, tzinfo=z).strftime("%Z" * 90)}
