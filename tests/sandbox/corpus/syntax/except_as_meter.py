# expect: refused-at-upload
# why: an error under the name of a guard
def process(data, state):
    try:
        1 / 0
    except ValueError as _caught_:
        pass
    return {"r": 1}
