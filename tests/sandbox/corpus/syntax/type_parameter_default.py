# expect: refused-at-upload
# why: a default of a type parameter (3.13)
def f[T = (1).__class__](x):
    return x
def process(data, state):
    return {"r": 1}
