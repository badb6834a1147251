# expect: limit
def process(data, state):
    return {"r": len(f"{1:٩٩٩٩٩٩٩}")}
