# expect: limit
# why: % with a format that was computed
def process(data, state):
    f = "%" + "9" * 9 + "d"
    return {"r": f % 5}
