# expect: refused-at-upload
# why: a class with a metaclass
class A(metaclass=type):
    pass
def process(data, state):
    return {"r": 1}
