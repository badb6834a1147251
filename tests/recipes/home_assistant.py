"""A real Home Assistant with its MQTT integration, installed with pip into `build`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.local.ports import free_port
from tests.recipes.programs import Program, running
from tests.support.waiting import wait_until

#: The last version for Python 3.11.
_VERSION: Final = "2024.3.3"
_FOLDER: Final = Path(__file__).parents[2] / "build" / f"home-assistant-{_VERSION}"

#: The packages that the core, `http` and `mqtt` of Home Assistant import. It pins their versions.
_NEEDED: Final = (
    "aiohttp aiohttp-fast-url-dispatcher aiohttp-zlib-ng aiohttp_cors astral async-interrupt "
    "atomicwrites-homeassistant attrs awesomeversion bcrypt certifi ciso8601 cryptography httpx ifaddr "
    "janus Jinja2 lru-dict numpy orjson packaging paho-mqtt PyJWT pyOpenSSL python-slugify PyYAML "
    "requests typing-extensions ulid-transform voluptuous voluptuous-serialize yarl"
)


@contextmanager
def home_assistant(folder: Path, broker_port: int) -> Iterator[Program]:
    """Run Home Assistant at an MQTT broker on a port of loopback. Its output is each state of an entity."""
    python = _installed()
    data = folder / "home-assistant"
    data.mkdir(parents=True)
    script = Path(__file__).with_name("hass.py")
    with running(
        [str(python), str(script), str(data), str(broker_port), str(free_port())], folder
    ) as program:
        wait_until(lambda: "started\n" in program.output, timeout=180)
        yield program


def _installed() -> Path:
    """Return its Python, and install it if it is missing. This takes about two minutes."""
    python = _FOLDER / "bin" / "python"
    done = _FOLDER / "installed"
    if not done.exists():
        _run(sys.executable, "-m", "venv", "--clear", str(_FOLDER))
        # Wheels only, so that no compiler is needed; this version of paho-mqtt has none, but is plain Python.
        pip = (str(python), "-m", "pip", "install", "--only-binary", ":all:", "--no-binary", "paho-mqtt")
        _run(*pip, "--no-deps", f"homeassistant=={_VERSION}")
        [constraints] = _FOLDER.glob("lib/python*/site-packages/homeassistant/package_constraints.txt")
        _run(*pip, "-c", str(constraints), *_NEEDED.split())
        done.touch()
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
