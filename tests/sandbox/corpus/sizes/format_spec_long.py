# expect: runtime-error
# why: a field makes a long format
def process(data, state):
    return {"r": "{:{s}}".format(1, s=">" * 100000)}
