# expect: ok
# why: a list as a default is made again for each call
def f(x, seen=[]):
    seen.append(x)
    return seen
def process(data, state):
    return {"r": f(data)}
