# expect: limit
# why: a finally block replaces the error of a recursion that is too deep, so a result would tell how deep
def down(depth):
    depth.append(1)
    try:
        down(depth)
    finally:
        [][0]


def process(data, state):
    depth = []
    try:
        down(depth)
    except IndexError:
        pass
    return {"r": len(depth)}
