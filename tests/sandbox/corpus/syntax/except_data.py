# expect: refused-at-upload
# why: except of a value
def process(data, state):
    try:
        1 / 0
    except data:
        pass
    return {"r": 1}
