# expect: runtime-error
# why: list[int] is a type in Python
def process(data, state):
    return {"r": str(list[int])}
