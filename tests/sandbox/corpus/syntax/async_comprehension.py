# expect: refused-at-upload
# why: an async comprehension
async def f():
    return [x async for x in y]
def process(data, state):
    return {"r": 1}
