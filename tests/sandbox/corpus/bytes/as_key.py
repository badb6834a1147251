# expect: runtime-error
def process(data, state):
    return {b"a": 1}
