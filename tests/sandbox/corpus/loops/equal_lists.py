# expect: limit
# why: == of long lists in a loop
def process(data, state):
    a = list(range(20000))
    b = list(range(20000))
    while a == b:
        pass
    return {"r": 1}
