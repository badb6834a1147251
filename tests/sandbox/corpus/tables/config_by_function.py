# expect: ok
# why: a function that reads config fills a list that a table copies
SEEN = []
def look():
    SEEN.append(dict(config))
look()
T = [s for s in SEEN]
def process(data, state):
    return {"r": len(T)}
