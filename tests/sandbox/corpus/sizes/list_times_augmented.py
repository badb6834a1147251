# expect: limit
# why: *= on a list
def process(data, state):
    xs = [0]
    xs *= 10 ** 9
    return {"r": 1}
