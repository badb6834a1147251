"""The permissions of a child, wherever it was started. Run as a script, it prints a JSON object of answers.

For tests that need another user, folder or environment than that of the test run. With the argument
`no-filter` the seccomp filter is left out, so that the layers below it are tested.
"""

import json
import os
import sys
from pathlib import Path
from unittest import mock

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from sandbox.errors import SandboxUnavailable
from sandbox.job import Job, Logic
from sandbox.parent.sandbox import Sandbox
from tests.sandbox.unguarded import Unguarded

#: The attempts, by name. Each fails with an OSError, or the kernel kills the child.
ATTEMPTS = {
    "read": "open('/etc/passwd').read()",
    "write": "open('/tmp/iot-logic-probe', 'w').write('x')",
    "list": "os.listdir('/')",
    "make a folder": "os.mkdir('/tmp/iot-logic-probe')",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/true', ['true'])",
    "thread": "threading.Thread(target=print).start()",
    "socket": "socket.socket().connect(('127.0.0.1', 9))",
    "signal the parent": "os.kill(os.getppid(), 0)",
    "memory": "bytearray(1 << 30)",
    "become root": "os.setresuid(0, 0, 0)",
}


def no_filter() -> bytes:
    raise SandboxUnavailable("left out for a test")


def attempted(sandbox: Sandbox, source: str) -> str:
    """Return the outcome: `killed`, the kind of error, or `done`."""
    logic = Logic.of(
        "import os, socket, threading\n"
        "def process(data, state):\n"
        f"    try: {source}\n"
        "    except (OSError, RuntimeError) as e: return {'came': type(e).__name__}\n"
        "    return {'came': 'done'}\n"
    )
    [report] = sandbox.run([Job(logic, b"{}", [b"1"])])
    [outcome] = report.outcomes
    return "killed" if outcome.killed else str(json.loads(outcome.results[0])["came"])


def main() -> None:
    """Print the answers."""
    filtered = "no-filter" not in sys.argv
    if filtered:
        probe(allow_unconfined=False)
    else:
        with mock.patch("sandbox.parent.process.filter_program", no_filter):
            probe(allow_unconfined=True)


def probe(*, allow_unconfined: bool) -> None:
    """Run all attempts."""
    with Sandbox(allow_unconfined=allow_unconfined) as sandbox:
        checked = sandbox.check("def process(data, state): return {'twice': data * 2}")
        [report] = sandbox.run([Job(Logic.of("def process(data, state): return {'a': data}"), b"{}", [b"1"])])
    with Unguarded(allow_unconfined=allow_unconfined) as unguarded:
        answers = {
            "user": os.geteuid(),
            "accepted": checked.accepted,
            "results": [result.decode() for result in report.outcomes[0].results],
            "confinement": sorted(unguarded.confinement),
            "attempts": {name: attempted(unguarded, source) for name, source in ATTEMPTS.items()},
        }
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
