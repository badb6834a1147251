# expect: limit
# why: ascii makes ten characters of one
def process(data, state):
    x = ascii("\U0001f600" * 30000)
    while True:
        x = ascii(x)
