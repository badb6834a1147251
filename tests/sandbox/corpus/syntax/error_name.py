# expect: refused-at-upload
# why: name of a NameError
def process(data, state):
    try:
        x = y
        y = 1
    except Exception as e:
        return {"r": e.name}
