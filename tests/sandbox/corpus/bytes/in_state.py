# expect: runtime-error
def process(data, state):
    state["raw"] = {"a": b"x"}
