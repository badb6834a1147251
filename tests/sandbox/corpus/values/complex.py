# expect: runtime-error
# why: a complex number by a power
def process(data, state):
    return {"r": (-8) ** 0.5}
