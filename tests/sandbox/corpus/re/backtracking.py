# expect: ok
import re
def process(data, state):
    return {"v": bool(re.fullmatch(r"(a+)+b", "a" * 500))}
