# expect: limit
# why: three loops over one growing list
def process(data, state):
    xs = [1]
    for a in xs:
        for b in xs:
            for c in xs:
                xs.append(1)
    return {"r": 1}
