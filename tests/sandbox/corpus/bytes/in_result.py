# expect: runtime-error
def process(data, state):
    return {"raw": [b"x"]}
