# expect: limit
def process(data, state):
    return {"r": len(f"{1.5:.٩٩٩٩٩٩٩f}")}
