"""A demo of the whole system on one machine: servers, API, worker, machines and results.

The demo starts the servers first and ends them last. honcho runs the four other processes: it starts them,
prints their output with their name in front, and ends all when one ends or a signal arrives. Each runs under
a guardian that watches *this* process, so none of them is left over if this process is killed.
"""

import multiprocessing
import os
import secrets
import shlex
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final

from honcho.manager import Manager

from pipeline.errors import SettingsError
from pipeline.local.errors import LocalError
from pipeline.local.ports import is_free
from pipeline.local.process import guarded
from pipeline.local.servers import Servers, servers
from pipeline.settings import Settings

#: The folder of the commands that belong to this Python.
_SCRIPTS: Final = Path(sys.executable).parent

#: How many ports to try for the API after the configured one.
_MORE_PORTS: Final = 20

#: The exit statuses of honcho after SIGINT and SIGTERM, which end the demo normally.
_ASKED_TO_END: Final = (130, 143)


def main() -> int:
    """Run the demo until a signal ends it (SIGINT, SIGTERM, SIGHUP) or a part of it fails.

    Return the exit status: 0 if a signal ended it.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    # honcho handles SIGINT and SIGTERM; a terminal sends SIGHUP when it is closed.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        settings = Settings.from_environ()
        port = _api_port(settings.api_port)
        _say("Starting RabbitMQ and Redis ...")
        with servers() as found:
            environ = _environ(settings, found, port)
            _say(f"RabbitMQ is at {_address(found.amqp_url)}, Redis at {_address(found.redis_url)}.")
            _say("For commands and programs of yours, in another terminal:")
            _say("".join(f"export {name}={shlex.quote(environ[name])}\n" for name in _to_export(environ)))
            return _run(environ, found)
    except KeyboardInterrupt:
        return 0
    except (LocalError, SettingsError) as e:
        print(e, file=sys.stderr)
        return 1


def _run(environ: dict[str, str], found: Servers) -> int:
    # honcho's processes only wait for others: a fork is enough for that, and nothing must be pickled.
    multiprocessing.set_start_method("fork")
    manager = Manager()  # type: ignore[no-untyped-call]
    for name, command in _commands(found).items():
        line = shlex.join(guarded(command))
        # `exec`, so that honcho's signals reach the guardian and not a shell around it.
        manager.add_process(name, f"exec {line}", env=os.environ | environ)  # type: ignore[no-untyped-call]
    try:
        manager.loop()  # type: ignore[no-untyped-call]
    except BaseException:
        # Interrupted before all had started, or nobody reads the output. Do not wait for honcho's own
        # processes now; the guardians end the others when this process ends.
        for process in multiprocessing.active_children():
            process.kill()
        raise
    return 0 if manager.returncode in _ASKED_TO_END else manager.returncode or 0


def _commands(found: Servers) -> dict[str, list[str]]:
    """Return the commands to run, by the name that is printed in front of their lines."""
    return {
        "api": [str(_SCRIPTS / "iot-api")],
        "worker": [str(_SCRIPTS / "dramatiq"), "pipeline.actors", "-p", "1", "-t", "4"],
        "results": [sys.executable, "-m", "pipeline.local.results"],
        "machines": [
            sys.executable,
            "-m",
            "pipeline.local.machines",
            str(_SCRIPTS / "iot-devices"),
            "mqtt" if found.mqtt_url else "amqp",
        ],
    }


def _environ(settings: Settings, found: Servers, port: int) -> dict[str, str]:
    """Return the variables that the processes get in addition to our environment."""
    environ = {
        "PYTHONUNBUFFERED": "1",
        "IOT_LOGIC_AMQP_URL": found.amqp_url,
        "IOT_LOGIC_REDIS_URL": found.redis_url,
        "IOT_LOGIC_API_PORT": str(port),
        "IOT_LOGIC_API_URL": f"http://127.0.0.1:{port}",
        # A person reads the logs, although the processes write to pipes.
        "IOT_LOGIC_LOG_FORMAT": "text" if settings.log_format == "auto" else settings.log_format,
        "IOT_LOGIC_SIGNING_KEY": settings.signing_key or secrets.token_urlsafe(32),
    }
    if found.mqtt_url:
        environ["IOT_LOGIC_MQTT_URL"] = found.mqtt_url
    return environ


def _to_export(environ: dict[str, str]) -> list[str]:
    """Return the URLs that another terminal must set, because our own environment does not have them."""
    urls = [name for name in environ if name.endswith("_URL")]
    return [name for name in urls if os.environ.get(name) != environ[name]]


def _api_port(wanted: int) -> int:
    """Return the wanted port, or the next free one. Raises `LocalError`."""
    for port in range(wanted, min(wanted + _MORE_PORTS, 65_536)):
        if is_free(port):
            if port != wanted:
                _say(f"Another program uses port {wanted}, so the API uses port {port}.")
            return port
    raise LocalError(f"No port from {wanted} on is free. Set IOT_LOGIC_API_PORT to a free one.")


def _address(url: str) -> str:
    """Return a URL without its user and password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _say(text: str) -> None:
    print(text, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
