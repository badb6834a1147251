# expect: runtime-error
import base64
def process(data, state):
    return {"v": len(base64.b64decode("QUJD", "x" * 100_000))}
