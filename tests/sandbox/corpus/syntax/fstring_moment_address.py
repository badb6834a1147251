# expect: ok
# why: an f-string of a list of functions shows no address
def process(data, state):
    return {"r": f"{[len, process, data.get, ValueError, int]}"}
