# expect: refused-at-upload
# why: async with
async def f():
    async with y:
        pass
def process(data, state):
    return {"r": 1}
