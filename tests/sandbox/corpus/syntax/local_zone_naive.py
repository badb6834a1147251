# expect: runtime-error
# why: the time zone of the host, over timestamp
from datetime import datetime
def process(data, state):
    return {"r": datetime(2026, 1, 1).timestamp()}
