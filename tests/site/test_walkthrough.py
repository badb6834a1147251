"""The walkthrough, executed as written: every command runs, and prints the output on the page."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from pipeline.local.ports import free_port
from tests.site.console import Terminal, blocks, fits
from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "walkthrough.md"


@pytest.fixture
def terminal(tmp_path: Path, broker_url: str, mqtt_url: str, redis_url: str) -> Iterator[Terminal]:
    """A terminal next to the processes of `make run`, on our servers so that it need not start any."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "IOT_LOGIC_AMQP_URL": broker_url,
        "IOT_LOGIC_MQTT_URL": mqtt_url,
        "IOT_LOGIC_REDIS_URL": redis_url,
        "IOT_LOGIC_API_PORT": str(port),
    }
    log = tmp_path / "make-run.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "pipeline.local"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    folder = tmp_path / "checkout"
    try:
        (folder / "tests").mkdir(parents=True)
        (folder / "tests" / "data").symlink_to(ROOT / "tests" / "data")
        wait_until(lambda: "in a browser" in log.read_text() or demo.poll() is not None, timeout=120)
        assert demo.poll() is None, log.read_text()
        yield Terminal(folder, port)
    finally:
        if (phone := folder / "phone.pid").exists():
            with suppress(ProcessLookupError):
                os.kill(int(phone.read_text()), signal.SIGTERM)
        demo.terminate()
        demo.wait(60)


def test_the_first_command_of_the_page_is_the_one_that_this_test_starts() -> None:
    typed = [block.text.strip() for block in blocks(PAGE.read_text()) if block.language == "sh"]
    # Not as a part of the `make` that may have started the tests.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    recipe = subprocess.run(
        ["make", "-n", "run"], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    ).stdout

    assert typed == ["make run", ". .venv/bin/activate"]
    assert recipe.splitlines()[-1] == "exec .venv/bin/python -m pipeline.local"


def test_every_command_prints_the_output_on_the_page(terminal: Terminal) -> None:
    page = PAGE.read_text()

    assert terminal.follow(page) == page.count("\n$ ") > 10


def test_an_output_that_differs_from_the_page_is_detected() -> None:
    expected = "machine  readings\nfurnace  5…  …\n"

    assert fits("machine   readings\nfurnace        577  today\n", expected)
    assert not fits("machine   readings\nfurnace        677  today\n", expected)
    assert not fits("machine   readings\nfurnace        577  today\nanother\n", "machine  readings\n")
