# expect: limit
# why: long parts many times
def process(data, state):
    s = "x" * 250000
    return {"r": f"{s}{s}{s}{s}{s}{s}{s}{s}{s}{s}"}
