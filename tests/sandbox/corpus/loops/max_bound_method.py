# expect: limit
# why: max with a bound method as key, in a loop
def process(data, state):
    xs = list(range(20000))
    while True:
        max(xs, key=xs.count)
    return {"r": 1}
