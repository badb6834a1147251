# expect: limit
def process(data, state):
    return {"r": len("{:{w}}".format(1, w="\u0967" * 7)) + len("{:\uff19\uff19\uff19\uff19}".format("x"))}
