# expect: refused-at-upload
# why: async for
async def f():
    async for x in y:
        pass
def process(data, state):
    return {"r": 1}
