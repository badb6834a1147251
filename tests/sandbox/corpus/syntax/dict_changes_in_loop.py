# expect: runtime-error
# why: a dict that changes while a loop runs over it
def process(data, state):
    for k in data:
        data[k + "x"] = 1
    return {"r": 1}
