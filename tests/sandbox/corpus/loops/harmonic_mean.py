# expect: limit
# why: harmonic mean of many
from statistics import harmonic_mean
def process(data, state):
    xs = list(range(1, 6000))
    while True:
        harmonic_mean(xs)
