"""The command line of `iot-logic`: its help is there at once."""

import subprocess
import sys

#: What takes time to be imported, and what the help needs none of.
SLOW = {"litestar", "pika", "RestrictedPython", "redis", "msgspec", "rich", "http.client"}

HELP = """
import sys
from web.command import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_help_imports_nothing_that_takes_time() -> None:
    done = subprocess.run([sys.executable, "-c", HELP, "--help"], capture_output=True, text=True, check=True)

    assert "push" in done.stdout
    assert not SLOW & set(done.stderr.split())
