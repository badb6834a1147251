# expect: runtime-error|limit
# why: strptime makes a regular expression of its format
from datetime import datetime
def process(data, state):
    return {"r": str(datetime.strptime("1" * 90 + "x", "%f%d%m%H%M%S%j%y%I"))}
