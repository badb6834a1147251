# expect: limit
# why: a text times a number of the reading
def process(data, state):
    return {"r": len("ab" * data["timestamp"])}
