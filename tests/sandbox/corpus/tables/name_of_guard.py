# expect: refused-at-upload
# why: a table with the name of a guard
_table_ = [n for n in range(2)]
_tables_ = [n for n in range(2)]
def process(data, state):
    return {"r": 1}
