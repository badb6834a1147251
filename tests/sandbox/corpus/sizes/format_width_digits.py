# expect: limit|runtime-error
def process(data, state):
    return {"r": len(format(1, "9" * 5000))}
