# expect: ok
import re
def process(data, state):
    return {"v": re.sub("a", str, "a")}
