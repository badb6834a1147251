# expect: ok
import re
def process(data, state):
    try:
        re.compile("(")
    except re.error as e:
        return {"v": str(e), "r": repr(e), "t": str(type(e))}
