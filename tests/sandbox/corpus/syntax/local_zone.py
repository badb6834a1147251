# expect: runtime-error
# why: the time zone of the host
from datetime import datetime
def process(data, state):
    return {"r": str(datetime.fromtimestamp(0))}
