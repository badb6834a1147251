# expect: refused-at-upload
from zoneinfo import ZoneInfo
def process(data, state):
    match ZoneInfo("UTC"):
        case ZoneInfo(from_file=f):
            return {"r": f("/etc/passwd")}
