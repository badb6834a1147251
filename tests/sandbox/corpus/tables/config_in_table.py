# expect: ok
# why: a table cannot hold the config of one machine for another
T = [config for _ in range(2)]
U = [c.get("x") for c in T]
def process(data, state):
    return {"r": [T[0] == config, U]}
