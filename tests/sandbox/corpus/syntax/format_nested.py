# expect: ok
# why: str.format with a field in a format
def process(data, state):
    return {"r": "{0:{1}}".format("x", "10")}
