# expect: ok
# why: functions as keys of a table
def f():
    return 1
T = {g: n for n, g in enumerate([f, len])}
def process(data, state):
    return {"r": T[f]}
