# expect: refused-at-upload
# why: the traceback of an error
def process(data, state):
    try:
        1 / 0
    except Exception as e:
        return {"r": str(e.__traceback__.tb_frame)}
