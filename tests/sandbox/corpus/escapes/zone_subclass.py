# expect: refused-at-upload
from zoneinfo import ZoneInfo
class Zone(ZoneInfo):
    def utcoffset(self, moment):
        return "ESCAPED"
def process(data, state):
    return {"r": 1}
