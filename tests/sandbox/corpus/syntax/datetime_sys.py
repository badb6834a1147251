# expect: refused-at-upload
# why: what datetime itself imported
import datetime
def process(data, state):
    return {"r": str(datetime.sys)}
