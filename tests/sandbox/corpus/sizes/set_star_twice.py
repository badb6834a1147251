# expect: limit
def process(data, state):
    return {"r": len({*range(3000), *range(3000, 6000)})}
