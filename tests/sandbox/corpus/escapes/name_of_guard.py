# expect: ok|runtime-error
# why: names of functions that belong to the sandbox
def process(data, state):
    out = []
    for f in (sorted, len, max, [].append, data.get, isinstance, type):
        try:
            out.append("LEAK" + f.__name__)
        except AttributeError as e:
            out.append(str(e))
    return {"r": out}
