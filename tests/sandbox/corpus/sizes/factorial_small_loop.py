# expect: limit
# why: factorials within the limits for ever
import math
def process(data, state):
    while True:
        math.factorial(170)
