# expect: refused-at-upload
# why: the clock
from datetime import datetime
def process(data, state):
    return {"r": str(datetime.now())}
