# expect: limit
# why: many fields in one format, each with a long text
def process(data, state):
    return {"r": ("{0:" + "{0}" * 1000 + "}").format("x" * 10000)}
