# expect: runtime-error
# why: an attribute of an item in a field
def process(data, state):
    out = []
    for field in ("{0[a].__class__}", "{0[a].__class__.__mro__}", "{0.__init__}"):
        try:
            out.append("ESCAPED" + field.format({"a": 1}))
        except ValueError as e:
            out.append(str(e))
    return {"r": "{0[a].__class__}".format({"a": 1})}
