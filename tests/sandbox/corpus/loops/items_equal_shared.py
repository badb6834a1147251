# expect: limit
# why: == of items() compares shared structures
def process(data, state):
    a = [1]
    b = [1]
    for i in range(40):
        a = [a, a]
        b = [b, b]
    return {"r": {"k": a}.items() == {"k": b}.items()}
