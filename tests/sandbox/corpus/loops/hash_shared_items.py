# expect: limit|runtime-error
# why: items() & hashes the values
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    d = {"a": t}
    return {"r": len(d.items() & d.items())}
