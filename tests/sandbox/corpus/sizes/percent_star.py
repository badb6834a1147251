# expect: limit|runtime-error
# why: % with a width from the values
def process(data, state):
    return {"r": "%*d" % (1000000000, 5)}
