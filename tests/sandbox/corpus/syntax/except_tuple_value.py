# expect: refused-at-upload
# why: except of a tuple with a value
def process(data, state):
    try:
        1 / 0
    except (ValueError, data["x"]):
        pass
    return {"r": 1}
