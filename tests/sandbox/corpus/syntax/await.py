# expect: refused-at-upload
# why: await
async def f():
    await y
def process(data, state):
    return {"r": 1}
