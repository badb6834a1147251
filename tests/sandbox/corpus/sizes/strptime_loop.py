# expect: limit
# why: strptime for ever
from datetime import datetime
def process(data, state):
    i = 0
    while True:
        i += 1
        datetime.strptime(str(i % 28 + 1) + "x" * (i % 50), "%d" + "x" * (i % 50))
