# expect: refused-at-upload
# why: __closure__ of a function
def process(data, state):
    return {"r": str(process.__closure__)}
