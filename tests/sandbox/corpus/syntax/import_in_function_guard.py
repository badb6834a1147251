# expect: refused-at-upload
# why: an import in a function
def process(data, state):
    import math as _f_math_sqrt
    return {"r": 1}
