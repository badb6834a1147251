# expect: ok
# why: letters that Python turns into len make a variable of that name
def process(data, state):
    ｌen = 1
    return {"r": 1}
