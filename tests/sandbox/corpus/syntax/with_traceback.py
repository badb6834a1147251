# expect: refused-at-upload
# why: with_traceback
def process(data, state):
    try:
        1 / 0
    except Exception as e:
        return {"r": str(e.with_traceback(None))}
