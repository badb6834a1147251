# expect: runtime-error
import re
def process(data, state):
    return {"v": bool(re.compile("(" * 250 + ")" * 250))}
