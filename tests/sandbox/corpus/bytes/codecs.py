# expect: ok
def process(data, state):
    out = []
    for name in ("idna", "zip", "hex", "rot13", "unicode_escape", "utf-7", "cp1252", "x" * 100, "\0", 5):
        for f in ("x".encode, b"x".decode):
            try:
                f(name)
                out.append(name)
            except (ValueError, TypeError) as e:
                assert "available" in str(e) or "long" in str(e) or "must be" in str(e)
    return {"out": out}
