# expect: refused-at-upload
# why: what statistics itself imported
import statistics
def process(data, state):
    return {"r": str(statistics.sys)}
