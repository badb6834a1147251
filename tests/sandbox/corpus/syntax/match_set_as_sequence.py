# expect: ok
# why: a set, a text and an iterator are no sequences
def process(data, state):
    n = 0
    for x in ({1, 2}, "ab", iter([1, 2]), {1: 2}.keys(), (y for y in [1, 2])):
        match x:
            case [_, _]:
                n = "LEAK"
    return {"r": n}
