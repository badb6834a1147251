# expect: ok
# why: a closure in a table would keep a value for another reading; it is new for each one
def make():
    kept = []
    def add(x):
        kept.append(x)
        return len(kept)
    return {"add": add}
T = make()
def process(data, state):
    T["add"]("secret")
    return {"r": T["add"]("x") if T["add"]("y") == 2 else "LEAK"}
