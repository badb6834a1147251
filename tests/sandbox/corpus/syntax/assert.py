# expect: runtime-error
# why: an assert that does not hold
def process(data, state):
    assert data["v"] > 100, "too small"
    return {"r": 1}
