# expect: runtime-error
# why: half a character, deep
def process(data, state):
    return {"r": [{"a": ["x", "\udc00"]}]}
