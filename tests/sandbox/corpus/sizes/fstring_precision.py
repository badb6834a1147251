# expect: limit
# why: an f-string computes any number of digits
def process(data, state):
    return {"r": f"{5.5:.1000000000f}"}
