# expect: limit
# why: str.format with a text as a format
def process(data, state):
    return {"r": "{:,.999999999f}".format(5)}
