# expect: refused-at-upload
# why: bare except
def process(data, state):
    while True:
        try:
            while True:
                pass
        except:
            pass
    return {"r": 1}
