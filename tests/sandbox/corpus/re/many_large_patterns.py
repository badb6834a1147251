# expect: limit
import re
def process(data, state):
    for i in range(10_000):
        try:
            re.compile("[\u0100-\uffff]{1000}" + str(i))
        except re.error:
            pass
