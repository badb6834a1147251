# expect: runtime-error
# why: isinstance of type
def process(data, state):
    return {"r": isinstance(int, type)}
