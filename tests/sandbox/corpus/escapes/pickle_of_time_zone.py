# expect: runtime-error
from datetime import time, timezone
def process(data, state):
    return {"r": time("\x01\xff\xff\xff\xff\xff", tzinfo=timezone.utc).isoformat()}
