# expect: refused-at-upload
# why: obj of an AttributeError
def process(data, state):
    try:
        data.args
    except AttributeError as e:
        return {"r": e.obj}
