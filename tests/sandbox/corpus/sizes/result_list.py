# expect: limit
# why: too many results
def process(data, state):
    return [{"i": i} for i in range(101)]
