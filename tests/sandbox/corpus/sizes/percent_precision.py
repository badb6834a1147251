# expect: limit
# why: % computes any number of digits
def process(data, state):
    return {"r": "%.1000000000f" % 5}
