# expect: limit
# why: extend with itself doubles
def process(data, state):
    xs = [1]
    while True:
        xs.extend(xs)
    return {"r": 1}
