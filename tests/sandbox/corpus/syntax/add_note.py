# expect: refused-at-upload
# why: notes of an error
def process(data, state):
    try:
        1 / 0
    except Exception as e:
        e.add_note("x")
    return {"r": 1}
