# expect: ok
# why: break of a loop inside finally stays inside
def process(data, state):
    try:
        x = 1
    finally:
        for i in range(3):
            if i == 1:
                break
    return {"r": i}
