# expect: refused-at-upload
# why: letters that Python turns into len
def process(data, state):
    ｌen = 1
    return {"r": 1}
