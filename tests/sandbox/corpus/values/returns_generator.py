# expect: runtime-error
# why: a generator of dicts
def process(data, state):
    return ({"i": i} for i in range(2))
