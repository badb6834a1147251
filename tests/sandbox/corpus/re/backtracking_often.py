# expect: limit
import re
def process(data, state):
    while True:
        re.fullmatch(r"(a+)+b", "a" * 5_000)
