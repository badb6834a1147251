# expect: limit
# why: a result that grows when it is written
def process(data, state):
    return {"s": "\x01" * 20000}
