# expect: runtime-error
def process(data, state):
    return {"v": b"\xff".decode("utf-8", "surrogateescape")}
