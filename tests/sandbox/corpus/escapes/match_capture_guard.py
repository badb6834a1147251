# expect: refused-at-upload
# why: a pattern sets the name of a guard
def process(data, state):
    match data:
        case {"v": _getattr_, **_m_get}:
            return {"r": "ESCAPED"}
