# expect: limit
# why: the square root of a fraction with numbers of several thousand bits
import statistics


def process(data, state):
    far = [2**1000 + 1, 2.0**-1074]
    for i in range(2000):
        statistics.stdev(far)
    return {"r": 1}
