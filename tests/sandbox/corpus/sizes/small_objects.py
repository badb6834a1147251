# expect: limit
# why: very many small objects
def process(data, state):
    keep = []
    while True:
        keep.append([{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}])
        keep = [keep]
    return {"r": 1}
