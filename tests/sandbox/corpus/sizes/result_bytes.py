# expect: limit
# why: a result of 100 KB
def process(data, state):
    return {"s": "x" * 100000}
