# expect: runtime-error
import itertools
def process(data, state):
    return {"v": next(itertools.product([1, 2], repeat=10**9))}
