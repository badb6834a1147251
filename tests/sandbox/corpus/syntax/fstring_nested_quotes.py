# expect: ok|refused-at-upload
# why: f-strings within f-strings (3.12)
def process(data, state):
    return {"r": f"{f"{data["v"]}"}"}
