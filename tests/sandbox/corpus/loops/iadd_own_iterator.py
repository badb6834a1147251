# expect: limit
# why: += with an iterator over itself
def process(data, state):
    xs = [1]
    while True:
        xs += iter(xs)
    return {"r": 1}
