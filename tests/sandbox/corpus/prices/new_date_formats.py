# expect: limit
# why: Python makes a regular expression of each new date format
from datetime import datetime
def process(data, state):
    i = 0
    while i != data.get("n"):
        i += 1
        try:
            datetime.strptime("x", f"%j%m%d%H%M%S%I%U%W%f%y%A%a%B%b%p%Z%z%w%u%V%G{i}")
        except ValueError:
            pass
    return {"r": 1}
