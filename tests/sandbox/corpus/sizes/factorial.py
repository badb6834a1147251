# expect: limit
# why: factorial
import math
def process(data, state):
    return {"r": math.factorial(10 ** 6) % 7}
