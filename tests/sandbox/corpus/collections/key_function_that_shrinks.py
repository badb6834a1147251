# expect: runtime-error|ok
import bisect
def process(data, state):
    items = list(range(100))
    def key(item):
        items.clear()
        return item
    return {"v": bisect.bisect(items, 50, key=key)}
