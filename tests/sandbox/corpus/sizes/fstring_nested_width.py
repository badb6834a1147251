# expect: limit
# why: a width that is computed
def process(data, state):
    w = 10 ** 9
    return {"r": f"{5:{w}}"}
