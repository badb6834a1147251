# expect: runtime-error
import re
def process(data, state):
    m = re.match("(?P<a>.)", "a")
    assert m["a"] == m[0] == m[1] == "a"
    return {"v": m[["a"]]}
