# expect: refused-at-upload
# why: global
def process(data, state):
    global count
    count = 1
    return {"r": 1}
