# expect: refused-at-upload
# why: value of a StopIteration
def process(data, state):
    try:
        next(iter([]))
    except StopIteration as e:
        return {"r": e.value}
