# expect: refused-at-upload
# why: an asynchronous generator
async def g():
    yield 1
def process(data, state):
    return {"r": 1}
