# expect: limit
import re
def process(data, state):
    kept = []
    while True:
        kept.append(re.match("(?s)" + "(" * 40 + ".*" + ")" * 40, "a" * 10_000).groups())
