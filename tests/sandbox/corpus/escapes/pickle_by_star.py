# expect: runtime-error
from datetime import date
def process(data, state):
    return {"r": date(*["\x00\x00\x01\x01"], **{}).ctime()}
