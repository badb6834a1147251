# expect: runtime-error
import re
def process(data, state):
    return {"v": re.findall(r"\C", "äö")}
