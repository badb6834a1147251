# expect: limit
# why: reading long slices
def process(data, state):
    xs = list(range(20000))
    while True:
        xs[::-1]
    return {"r": 1}
