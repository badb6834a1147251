# expect: runtime-error
def process(data, state):
    e = ValueError(1, 2)
    for i in range(60):
        e = ValueError(e, e)
    raise e
