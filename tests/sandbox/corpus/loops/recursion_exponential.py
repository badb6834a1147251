# expect: limit
# why: few frames, endless calls
def f(n):
    if n < 30:
        f(n + 1)
        f(n + 1)
def process(data, state):
    f(0)
