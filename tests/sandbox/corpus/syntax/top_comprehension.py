# expect: refused-at-upload
# why: a comprehension at the top level
X = [i for i in range(10 ** 9)]
def process(data, state):
    return {"r": 1}
