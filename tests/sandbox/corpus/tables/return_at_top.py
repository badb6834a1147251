# expect: refused-at-upload
# why: a return would end the function around the top level
for n in (1,):
    return lambda data, state: {"r": "ESCAPED"}
def process(data, state):
    return {"r": 1}
