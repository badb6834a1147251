# expect: ok
import re
def process(data, state):
    t = "ä€😀b" * 3
    spans = [m.span() for m in re.finditer("(€)|b|", t)]
    assert all(t[a:b] in ("€", "b", "") for a, b in spans)
    return {"v": spans}
