# expect: refused-at-upload
# why: yield in a default belongs to the function around it
def g():
    def h(x=(yield 1)):
        return x
    return h
def process(data, state):
    return {"r": list(g())}
