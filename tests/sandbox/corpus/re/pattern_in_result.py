# expect: runtime-error
import re
def process(data, state):
    return {"p": re.compile("a")}
