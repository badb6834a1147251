# expect: runtime-error
# why: a bound method
def process(data, state):
    return {"r": data.get}
