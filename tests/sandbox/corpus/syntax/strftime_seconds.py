# expect: runtime-error
# why: seconds since 1970 by the zone of the host
from datetime import datetime
def process(data, state):
    return {"r": datetime(2026, 1, 1).strftime("%s")}
