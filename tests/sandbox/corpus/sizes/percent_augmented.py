# expect: limit
# why: %= formats too
def process(data, state):
    f = "%999999999d"
    f %= 5
    return {"r": f}
