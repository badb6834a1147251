# expect: limit
# why: the number of quantiles is independent of the number of values
import statistics
def process(data, state):
    i = 0
    while i != data.get("n"):
        i += 1
        statistics.quantiles([1, 2], n=5000)
    return {"r": 1}
