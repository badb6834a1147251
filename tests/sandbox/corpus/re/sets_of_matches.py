# expect: ok
import re
def process(data, state):
    return {"v": len({re.match("a", "a"), re.match("a", "a")}), "w": [m.group() for m in {m for m in re.finditer(".", "cab")}]}
