# expect: limit
# why: a shift by a variable
def process(data, state):
    n = data["timestamp"]
    return {"r": (data["v"] << n) % 7}
