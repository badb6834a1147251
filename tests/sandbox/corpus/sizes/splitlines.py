# expect: limit
# why: splitlines into very many
def process(data, state):
    return {"r": len(("a\n" * 100000).splitlines())}
