# expect: runtime-error
# why: plain zoneinfo makes the path of a file of the name
from zoneinfo import ZoneInfo
def process(data, state):
    return {"r": ZoneInfo("/".join([".."] * 9) + "/etc/passwd").key}
