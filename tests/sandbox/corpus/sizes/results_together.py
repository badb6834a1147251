# expect: limit
# why: results that are too large together
def process(data, state):
    return [{"s": "x" * 10000} for i in range(9)]
