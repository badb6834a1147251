# expect: refused-at-upload
# why: a loop at the top level that does not end
N = 0
while True:
    N += 1
def process(data, state):
    return {"r": N}
