# expect: limit
import re
def process(data, state):
    return {"v": len(re.sub(".*", r"\g<0>" * 1_000, "a" * 1_000))}
