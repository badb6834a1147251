# expect: ok
# why: a default holds a table, and a parameter of the same name is its own
T = [n for n in range(3)]
def f(T=T):
    T = list(T)
    T.append(9)
    return T
def process(data, state):
    f()
    return {"r": f()}
