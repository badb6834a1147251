# expect: limit
# why: pow()
def process(data, state):
    return {"r": pow(3, 10 ** 7) % 7}
