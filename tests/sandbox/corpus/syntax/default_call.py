# expect: ok
# why: a call as a default is made again for each call
def f(x, seen=dict()):
    return seen
def process(data, state):
    return {"r": f(1)}
