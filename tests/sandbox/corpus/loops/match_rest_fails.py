# expect: limit
# why: patterns with ** that copy a large dict and then fail
def process(data, state):
    xs = [{str(n): n for n in range(5000)}, 1]
    while True:
        match xs:
            case [{"0": 0, **a}, 2] | [{"1": 1, **a}, 3] | [{**a}, 4]:
                pass
