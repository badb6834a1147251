# expect: runtime-error
# why: an item of a function or an error in a field
def process(data, state):
    return {"r": "{0[__class__]}".format(len)}
