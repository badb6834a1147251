# expect: runtime-error
import itertools
def process(data, state):
    return {"v": next(itertools.combinations_with_replacement([1], 10**12))}
