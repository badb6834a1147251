# expect: refused-at-upload
# why: getattr with a computed name
def process(data, state):
    return {"r": str(getattr("", "for" + "mat"))}
