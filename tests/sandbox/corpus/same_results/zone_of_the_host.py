# expect: runtime-error
# why: plain Python finds the file /usr/share/zoneinfo/localtime or posixrules on some hosts
from zoneinfo import ZoneInfo
def process(data, state):
    return {"r": ZoneInfo("local" + "time").key}
