# expect: limit
# why: generators that are made and never started
def g():
    yield 1
def process(data, state):
    while True:
        g()
