# expect: runtime-error
# why: a generator in the state
def g():
    yield 1
def process(data, state):
    state["g"] = g()
