# expect: refused-at-upload
# why: a class of statistics
from statistics import Fraction
def process(data, state):
    return {"r": str(Fraction(1, 2))}
