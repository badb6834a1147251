# expect: runtime-error
from zoneinfo import ZoneInfo
def process(data, state):
    return {"r": "{0.from_file.__func__}".format(ZoneInfo("UTC"))}
