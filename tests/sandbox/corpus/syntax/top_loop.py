# expect: refused-at-upload
# why: a loop at the top level
while True:
    pass
def process(data, state):
    return {"r": 1}
