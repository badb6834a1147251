# expect: refused-at-upload
from zoneinfo import ZoneInfo
def process(data, state):
    return {"r": ZoneInfo.from_file("/etc/passwd", key="LEAK").key}
