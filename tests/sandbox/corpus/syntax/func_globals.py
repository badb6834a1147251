# expect: refused-at-upload
# why: __globals__ of a function
def process(data, state):
    return {"r": str(process.__globals__)}
