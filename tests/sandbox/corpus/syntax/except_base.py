# expect: refused-at-upload
# why: except BaseException
def process(data, state):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
    return {"r": 1}
