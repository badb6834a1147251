# expect: limit
import re
def process(data, state):
    return {"v": len(re.sub("a", "x" * 1_000, "a" * 1_000))}
