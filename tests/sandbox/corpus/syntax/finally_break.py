# expect: refused-at-upload
# why: break in finally in a loop
def process(data, state):
    while True:
        try:
            while True:
                pass
        finally:
            break
    return {"r": 1}
