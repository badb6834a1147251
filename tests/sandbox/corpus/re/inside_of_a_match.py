# expect: refused-at-upload
import re
def process(data, state):
    return {"v": re.match("a", "a")._spans}
