# expect: ok
# why: str.format with !r shows no address
def f():
    return 1
def process(data, state):
    return {"r": "{!r}".format(f)}
