"""A real HAProxy, with the configuration in `deploy/haproxy`, in front of two APIs."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.local.packages import Package, install
from pipeline.local.ports import answers, free_port
from pipeline.local.server import MORE_PATHS
from tests.support.waiting import wait_until

_CONFIGURATION: Final = Path(__file__).parents[2] / "deploy" / "haproxy" / "haproxy.cfg"
_PACKAGE: Final = Package("haproxy", "haproxy", "haproxy", "haproxy")


def ensure_installed() -> None:
    """Install HAProxy, if it is missing."""
    if shutil.which("haproxy", path=MORE_PATHS) is None:
        install(_PACKAGE)


@contextmanager
def haproxy(*apis: int | str) -> Iterator[str]:
    """Start HAProxy in front of two APIs. Yield the address of their pages.

    `apis` are ports of loopback, or addresses such as "10.0.0.1:8001".
    """
    ensure_installed()
    port = free_port()
    environ = {"LISTEN": f"127.0.0.1:{port}"}
    environ |= {
        f"API_{number}": str(each) if isinstance(each, str) else f"127.0.0.1:{each}"
        for number, each in enumerate(apis, 1)
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [shutil.which("haproxy", path=MORE_PATHS) or "haproxy", "-db", "-f", str(_CONFIGURATION)],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

        def listens() -> bool:
            if process.poll() is not None:
                log.seek(0)
                raise AssertionError(f"HAProxy has ended:\n{log.read().decode(errors='replace')}")
            return answers(port)

        try:
            wait_until(listens)
            yield f"http://127.0.0.1:{port}/iot"
        finally:
            process.kill()
            process.wait()
