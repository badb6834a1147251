# expect: limit
# why: a set comprehension of very many
def process(data, state):
    return {"r": len({i for i in range(20000)})}
