# expect: refused-at-upload
# why: a yield deep inside a try with a finally
def g(xs):
    try:
        for x in xs:
            if x:
                try:
                    while x:
                        (yield x) or (yield)
                except ValueError:
                    pass
    finally:
        xs.append("LEAK")
def process(data, state):
    return {"r": next(g([1]))}
