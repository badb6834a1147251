# expect: runtime-error
# why: the message of a failure contains the texts of shared errors
def process(data, state):
    e = ValueError(1, 2)
    for i in range(60):
        e = ValueError(e, e)
    raise e
