# expect: limit
# why: == of long texts in a loop
def process(data, state):
    a = "x" * 200000
    b = a[:-1] + "x"
    while a == b:
        pass
    return {"r": 1}
