# expect: refused-at-upload
# why: process set anew
def process(data, state):
    return {"r": 1}
process = 5
