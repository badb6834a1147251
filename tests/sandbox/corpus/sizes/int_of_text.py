# expect: limit|runtime-error
# why: a long text as a number
def process(data, state):
    return {"r": int("9" * 200000) % 7}
