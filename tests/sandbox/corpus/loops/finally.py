# expect: limit
# why: a finally that loops after the limit
def process(data, state):
    try:
        while True:
            pass
    finally:
        while True:
            pass
    return {"r": 1}
