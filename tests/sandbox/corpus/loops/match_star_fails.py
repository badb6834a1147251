# expect: limit
# why: patterns with a star that copy a long list and then fail
def process(data, state):
    xs = [list(range(20000)), 1]
    while True:
        match xs:
            case [[*a], 2] | [[_, *a], 3] | [[*a, _], 4]:
                pass
            case [[*a], 5] | [[_, *a], 6] | [[*a, _], 7]:
                pass
