# expect: refused-at-upload
# why: what a bound method is made of
def process(data, state):
    f = data.get
    return {"r": str(f.func)}
