"""The whole system on one machine, for somebody to watch: servers, API, worker, machines, results.

The servers are started first and ended last. The four other processes are honcho's: it starts them, prints
what they say with their name before it, and ends all when one ends or a signal asks for it. Each runs under
a guardian that watches *this* process, so that none is left over when this one is killed.
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

#: Where the commands are that belong to this Python.
_SCRIPTS: Final = Path(sys.executable).parent

#: Ports after the wanted one that are tried for the API.
_MORE_PORTS: Final = 20

#: What honcho returns after SIGINT and SIGTERM: the demo was ended as it should be.
_ASKED_TO_END: Final = (130, 143)


def main() -> int:
    """Run it until it is asked to end (SIGINT, SIGTERM, SIGHUP) or a part of it fails.

    Returns the exit status: 0 where it was asked to end.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    # honcho knows SIGINT and SIGTERM; a terminal that is closed sends this one.
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
    # Its processes only wait for others: a copy of this one does, and needs nothing to be sent over.
    multiprocessing.set_start_method("fork")
    manager = Manager()  # type: ignore[no-untyped-call]
    for name, command in _commands(found).items():
        line = shlex.join(guarded(command))
        # So that honcho's signals reach the guardian and not a shell before it.
        manager.add_process(name, f"exec {line}", env=os.environ | environ)  # type: ignore[no-untyped-call]
    try:
        manager.loop()  # type: ignore[no-untyped-call]
    except BaseException:
        # Interrupted before all had started, or nobody reads what is printed. honcho's own processes must
        # not be waited for now; the guardians end the others when this process ends.
        for process in multiprocessing.active_children():
            process.kill()
        raise
    return 0 if manager.returncode in _ASKED_TO_END else manager.returncode or 0


def _commands(found: Servers) -> dict[str, list[str]]:
    """What runs, by the name that is printed before its lines."""
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
    """What the processes find in their environment, besides ours."""
    environ = {
        "PYTHONUNBUFFERED": "1",
        "IOT_LOGIC_AMQP_URL": found.amqp_url,
        "IOT_LOGIC_REDIS_URL": found.redis_url,
        "IOT_LOGIC_API_PORT": str(port),
        "IOT_LOGIC_API_URL": f"http://127.0.0.1:{port}",
        # Somebody looks on, though it is pipes that they write to.
        "IOT_LOGIC_LOG_FORMAT": "text" if settings.log_format == "auto" else settings.log_format,
        "IOT_LOGIC_SIGNING_KEY": settings.signing_key or secrets.token_urlsafe(32),
    }
    if found.mqtt_url:
        environ["IOT_LOGIC_MQTT_URL"] = found.mqtt_url
    return environ


def _to_export(environ: dict[str, str]) -> list[str]:
    """Which of these another terminal lacks: those that ours did not name."""
    urls = [name for name in environ if name.endswith("_URL")]
    return [name for name in urls if os.environ.get(name) != environ[name]]


def _api_port(wanted: int) -> int:
    """The wanted port, or the next one that is free. Raises `LocalError`."""
    for port in range(wanted, min(wanted + _MORE_PORTS, 65_536)):
        if is_free(port):
            if port != wanted:
                _say(f"Another program uses port {wanted}, so the API uses port {port}.")
            return port
    raise LocalError(f"No port from {wanted} on is free. Set IOT_LOGIC_API_PORT to a free one.")


def _address(url: str) -> str:
    """A URL without its password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _say(text: str) -> None:
    print(text, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
