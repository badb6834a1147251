# expect: refused-at-upload
# why: the clock by date.today
import datetime
def process(data, state):
    return {"r": str(datetime.date.today())}
