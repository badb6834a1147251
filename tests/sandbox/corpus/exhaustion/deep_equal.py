# expect: limit
def process(data, state):
    t, u = [], []
    for i in range(2000):
        t, u = [[[[[[[[t]]]]]]]], [[[[[[[[u]]]]]]]]
    return {"r": t == u}
