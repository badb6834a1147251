# expect: refused-at-upload
# why: code that runs once changes what is new for every reading
def on(x):
    return x
HANDLERS = {"on": on}
def fill(h, n):
    h[n] = n
T = [1]
for n in T:
    alias = HANDLERS
    fill(alias, n)
def process(data, state):
    return {"r": len(HANDLERS)}
