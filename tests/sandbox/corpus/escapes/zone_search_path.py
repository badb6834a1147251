# expect: refused-at-upload
import zoneinfo
def process(data, state):
    zoneinfo.reset_tzpath(["/tmp"])
    return {"r": list(zoneinfo.TZPATH)}
