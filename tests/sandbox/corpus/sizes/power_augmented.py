# expect: limit
# why: **= grows
def process(data, state):
    n = 3
    while True:
        n **= 3
    return {"r": 1}
