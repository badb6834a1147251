# expect: refused-at-upload
# why: a list as a default keeps data
def f(x, seen=[]):
    seen.append(x)
    return seen
def process(data, state):
    return {"r": f(data)}
