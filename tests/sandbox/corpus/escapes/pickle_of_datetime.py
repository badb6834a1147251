# expect: runtime-error
from datetime import datetime, timezone
def process(data, state):
    return {"r": datetime("\x07\xff\x0d\x20\x19\x3d\x3d\xff\xff\xff", timezone.utc).isoformat()}
