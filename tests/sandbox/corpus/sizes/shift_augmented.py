# expect: limit
# why: <<= grows
def process(data, state):
    n = 1
    while True:
        n <<= 100
    return {"r": 1}
