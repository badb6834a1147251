# expect: runtime-error
import re
def process(data, state):
    return {"v": bool(re.match(r"(a{1000}){1000}", "a"))}
