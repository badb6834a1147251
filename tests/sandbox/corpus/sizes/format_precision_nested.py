# expect: limit
# why: the precision in a format comes from two fields
def process(data, state):
    return {"r": "{:.{a}{b}f}".format(1.5, a=9999, b=99999)}
