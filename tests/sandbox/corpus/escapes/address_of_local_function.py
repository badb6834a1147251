# expect: ok
def process(data, state):
    def helper(a):
        return a
    said = []
    for call in (lambda: {}[helper], lambda: [].index(helper), lambda: (lambda f: f())(helper)):
        try:
            call()
        except Exception as e:
            said.append(f"{e} {e!r} {e.args}")
    for word in ("0x", "<locals>", "_make_"):
        assert not any(word in s for s in said), said
    return {"r": said}
