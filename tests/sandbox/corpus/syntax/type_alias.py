# expect: refused-at-upload
# why: a type alias (3.12)
type X = int
def process(data, state):
    return {"r": 1}
