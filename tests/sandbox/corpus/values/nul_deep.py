# expect: runtime-error|ok
# why: U+0000, deep
def process(data, state):
    return {"r": [{"a": ["x", "\x00"]}]}
