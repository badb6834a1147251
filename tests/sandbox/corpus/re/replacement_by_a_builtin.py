# expect: runtime-error
import re
def process(data, state):
    return {"v": re.sub("a", len, "a")}
