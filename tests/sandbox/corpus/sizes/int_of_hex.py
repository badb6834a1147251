# expect: limit|runtime-error
# why: long hexadecimal texts have no limit in Python
def process(data, state):
    return {"r": int("f" * 200000, 16) % 7}
