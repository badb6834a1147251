# expect: ok
def process(data, state):
    s = {ValueError(i) for i in range(8)}
    return {"r": [e.args[0] for e in s]}
