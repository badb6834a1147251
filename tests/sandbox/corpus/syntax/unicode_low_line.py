# expect: refused-at-upload
# why: letters that Python turns into low lines
def process(data, state):
    ﹍meter﹍ = 1
    return {"r": 1}
