# expect: runtime-error
# why: an error
def process(data, state):
    try:
        1 / 0
    except Exception as e:
        return {"r": e}
