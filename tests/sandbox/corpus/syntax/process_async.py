# expect: refused-at-upload
# why: async process
async def process(data, state):
    return {"r": 1}
