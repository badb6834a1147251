# expect: ok
# why: the type of an error without a name in a logic makes no errors
def process(data, state):
    try:
        if data is None:
            x = 1
        x
    except Exception as e:
        kind = type(e)
    try:
        return {"r": "ESCAPED" + str(kind("x"))}
    except TypeError as e:
        return {"r": str(e)}
