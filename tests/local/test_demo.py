"""`make run`, as a process: it shows results of all machines, and leaves nothing behind when it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from pipeline.local.machines import LOGIC
from pipeline.local.ports import free_port
from pipeline.local.results import line
from tests.local.processes import processes_with
from tests.support.waiting import wait_until


class Demo:
    """Runs `python -m pipeline.local`, with its data below `folder` and its output in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._log = folder / "demo.log"
        environ = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(folder),
            "IOT_LOGIC_API_PORT": str(self.port),
        }
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.local"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def prints(self, pattern: str) -> bool:
        """Return whether its output matches."""
        assert self.process.poll() is None, self.log
        return re.search(pattern, self.log) is not None

    def left_behind(self) -> list[str]:
        """Return the command lines of its own processes that still run.

        All guardians name the process that they watch, and all servers name their folder.
        """
        mine = [f"guardian.py {self.process.pid} ", str(self.folder)]
        return [each for text in mine for each in processes_with(text)]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.process.wait(60)


def test_it_prints_every_machines_results_and_ends_on_ctrl_c(demo: Demo) -> None:
    wait_until(lambda: all(demo.prints(rf"{each} +#1 +v1 ") for each in LOGIC), timeout=120)
    wait_until(lambda: demo.prints(f"Open http://localhost:{demo.port} in a browser"))
    with urllib.request.urlopen(f"http://localhost:{demo.port}/machines/machine_A/logic") as answer:
        assert json.load(answer)["logic"] == LOGIC["machine_A"]
    exported = dict(re.findall(r"^export (\w+)=(\S+)$", demo.log, re.MULTILINE))
    assert set(exported) == {f"IOT_LOGIC_{name}_URL" for name in ("AMQP", "MQTT", "REDIS", "API")}
    with redis.Redis.from_url(exported["IOT_LOGIC_REDIS_URL"]) as client:
        assert client.ping()

    # A terminal sends it to all processes in the foreground.
    os.killpg(demo.process.pid, signal.SIGINT)

    assert demo.process.wait(30) == 0, demo.log
    assert demo.left_behind() == []
    assert [path for path in demo.folder.iterdir() if path.is_dir()] == []
    assert "Traceback" not in demo.log


def test_no_process_is_left_after_it_is_killed(demo: Demo) -> None:
    wait_until(lambda: demo.prints(r"machine_A +#1 "), timeout=120)

    demo.process.kill()
    demo.process.wait()

    wait_until(lambda: demo.left_behind() == [], timeout=30)
    wait_until(lambda: [path for path in demo.folder.iterdir() if path.is_dir()] == [])


def test_it_can_be_stopped_while_its_servers_start(demo: Demo) -> None:
    wait_until(lambda: demo.prints("Starting RabbitMQ"))

    demo.process.terminate()

    assert demo.process.wait(30) == 0, demo.log
    assert demo.left_behind() == []
    assert "Traceback" not in demo.log


def test_a_result_is_one_readable_line() -> None:
    event: dict[str, Any] = {
        "id": "12",
        "subject": "machine_A",
        "logicversion": 3,
        "data": {"status": "running", "changes": 2, "ok": True},
    }

    assert line(json.dumps(event).encode()) == "machine_A  #12    v3  status=running  changes=2  ok=true"
