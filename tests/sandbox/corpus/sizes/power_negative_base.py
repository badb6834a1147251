# expect: limit
# why: power of a negative number
def process(data, state):
    return {"r": (-3) ** 10 ** 7 % 7}
