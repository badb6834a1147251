# expect: limit
# why: a list that grows while a loop runs over it
def process(data, state):
    xs = [1]
    for x in xs:
        xs.append(x)
    return {"r": 1}
