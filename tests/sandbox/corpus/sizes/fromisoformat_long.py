# expect: runtime-error|limit
# why: a long text as a date
from datetime import datetime
def process(data, state):
    return {"r": str(datetime.fromisoformat("2" * 200000))}
