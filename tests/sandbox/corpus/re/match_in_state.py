# expect: runtime-error
import re
def process(data, state):
    state["m"] = re.match("a", "a")
