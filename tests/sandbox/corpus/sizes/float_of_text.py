# expect: limit|runtime-error
# why: a long text as a float
def process(data, state):
    return {"r": float("1" * 200000)}
