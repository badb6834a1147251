# expect: runtime-error|limit
# why: very many quantiles
from statistics import quantiles
def process(data, state):
    return {"r": len(quantiles([1, 2, 3], n=10 ** 9))}
