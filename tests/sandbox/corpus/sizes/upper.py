# expect: limit
# why: upper makes some texts longer
def process(data, state):
    s = "ß" * 200000
    return {"r": len(s.upper())}
