# expect: limit
import re
def process(data, state):
    return {"v": len(re.sub("", lambda m: "x" * 10_000, "a" * 1_000))}
