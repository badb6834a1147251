# expect: limit
# why: a chain of comparisons
def process(data, state):
    a = [1]
    b = [1]
    for i in range(40):
        a = [a, a]
        b = [b, b]
    return {"r": a <= b <= a}
