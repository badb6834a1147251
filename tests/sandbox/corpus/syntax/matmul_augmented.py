# expect: refused-at-upload
# why: @=
def process(data, state):
    x = 1
    x @= 2
    return {"r": 1}
