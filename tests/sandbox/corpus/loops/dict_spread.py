# expect: limit
# why: copies of a dict
def process(data, state):
    d = {str(i): i for i in range(4000)}
    while True:
        e = {**d}
    return {"r": 1}
