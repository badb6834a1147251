# expect: ok
import re
def process(data, state):
    return {"v": bool(re.match("[\u0100-\uffff]{1000}", "a"))}
