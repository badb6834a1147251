# expect: ok
import re
def process(data, state):
    return {"v": [str(re.compile("a")), repr(re.match("a", "a")), str(re.I | re.M), f"{re.search}"]}
