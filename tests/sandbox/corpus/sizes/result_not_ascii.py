# expect: limit
# why: a result of many bytes a character
def process(data, state):
    return {"s": "€" * 30000}
