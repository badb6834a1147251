# expect: runtime-error
# why: the time zone of the host, over astimezone
from datetime import datetime
def process(data, state):
    return {"r": str(datetime(2026, 1, 1).astimezone())}
