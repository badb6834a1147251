# expect: limit
# why: strip with very many characters
def process(data, state):
    s = "a" * 200000
    t = "b" * 200000
    while True:
        s.strip(t + "a")
    return {"r": 1}
