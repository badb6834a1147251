# expect: ok
# why: the class of an error makes errors only
def process(data, state):
    try:
        1 / 0
    except Exception as e:
        return {"r": str(type(e)("x"))}
