# expect: refused-at-upload
# why: process is replaced by a table
def process(data, state):
    return {"r": 1}
for process in [len]:
    pass
