# expect: ok
# why: what an error holds is what the logic put there
def process(data, state):
    try:
        raise ValueError("a", data)
    except ValueError as e:
        return {"r": e.args[0]}
