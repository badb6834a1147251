# expect: limit|ok
# why: closures upon closures
def over(f):
    return lambda: f
def process(data, state):
    f = None
    for i in range(30000):
        f = over(f)
    return {"r": 1}
