# expect: limit
# why: a field looks up an item tens of thousands of times
def process(data, state):
    d = {}
    d["a"] = d
    pattern = "{0" + "[a]" * 80000 + "[b]}"
    while True:
        try:
            pattern.format(d)
        except KeyError:
            pass
