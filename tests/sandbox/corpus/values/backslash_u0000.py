# expect: ok
# why: the text \\u0000 is not the character
def process(data, state):
    return {"r": "\\u0000"}
