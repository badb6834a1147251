# expect: runtime-error
def process(data, state):
    return {"v": sum([bytes(200_000)] * 1000, b"")}
