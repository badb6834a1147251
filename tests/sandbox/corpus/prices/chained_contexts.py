# expect: limit
# why: Python passes a chain of errors, each raised while the one before was handled, whenever it raises one
def process(data, state):
    x = ValueError()
    for i in range(2000):
        y = ValueError()
        try:
            try:
                raise x
            except ValueError:
                raise y
        except ValueError:
            x = y
    try:
        raise x
    except ValueError:
        i = 0
        while i != data.get("n"):
            i += 1
            try:
                raise KeyError
            except KeyError:
                pass
    return {"r": 1}
