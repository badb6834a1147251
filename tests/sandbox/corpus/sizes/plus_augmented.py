# expect: limit
# why: += grows a number
def process(data, state):
    n = 3
    while True:
        n += n
    return {"r": 1}
