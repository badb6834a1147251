# expect: limit
# why: startswith with very many texts
def process(data, state):
    t = tuple(["b" * 10] * 20000)
    while True:
        "a".startswith(t)
    return {"r": 1}
