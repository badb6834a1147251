# expect: limit
# why: a loop that only matches
def process(data, state):
    while True:
        match data:
            case {"x": 1} | {"y": {"z": [1, *_]}}:
                pass
