# expect: refused-at-upload
# why: a generator that survives its end
def g():
    try:
        yield 1
    except GeneratorExit:
        yield "ESCAPED"
def process(data, state):
    return {"r": next(g())}
