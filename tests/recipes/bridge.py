"""A Mosquitto broker with the bridge of its recipe."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from pipeline.local.ports import answers, free_port
from pipeline.local.servers import LocalRabbitmq
from tests.recipes.programs import Program, ensure_installed, running
from tests.recipes.recipe import file_of, page
from tests.site.console import Terminal, blocks
from tests.support.installation import Installation
from tests.support.waiting import wait_until

USER: Final = "bridge"
_PASSWORD: Final = "secret-of-the-bridge"

#: Our part of the configuration. As root, Mosquitto would become a user that cannot write to the folder.
_MAIN: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
log_type error
log_type warning
log_type subscribe
user root
persistence_location {folder}/
include_dir {folder}/conf.d
"""


class Broker(NamedTuple):
    """A running Mosquitto."""

    port: int
    program: Program

    def has_subscriber(self, topics: str) -> bool:
        """Return whether a client has subscribed to these topics."""
        return f" 1 {topics}\n" in self.program.output


@contextmanager
def bridged_mosquitto(terminal: Terminal, plant: Installation, rabbitmq: LocalRabbitmq) -> Iterator[Broker]:
    """Start Mosquitto with the bridge of the recipe. The clients in the terminal use it by default."""
    ensure_installed("mosquitto")
    port = free_port()
    file = file_of("mosquitto", "iot-logic.conf")
    bridge = file.text.replace("broker:1883", urlsplit(rabbitmq.mqtt_url).netloc.rpartition("@")[2])
    folder = terminal.folder / "mosquitto"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "conf.d" / file.file).write_text(bridge.replace("PASSWORD", _PASSWORD))
    (folder / "mosquitto.conf").write_text(_MAIN.format(port=port, folder=folder))
    # Mosquitto's clients read their default options from these files.
    for client in ("mosquitto_pub", "mosquitto_sub"):
        options = terminal.folder / ".config" / client
        options.parent.mkdir(exist_ok=True)
        options.write_text(f"-p {port}\n")
    with (
        _user(plant, rabbitmq),
        running(["mosquitto", "-c", str(folder / "mosquitto.conf")], folder) as program,
    ):
        wait_until(lambda: program.output is not None and answers(port))
        yield Broker(port, program)


@contextmanager
def _user(plant: Installation, rabbitmq: LocalRabbitmq) -> Iterator[None]:
    """Create the bridge's user, with the permissions in the recipe."""
    [shell] = [block.text for block in blocks(page("mosquitto")) if "rabbitmqctl" in block.text]
    permissions, topics = (shlex.split(line)[3:] for line in shell.splitlines())
    vhost = urlsplit(plant.amqp_url).path.removeprefix("/")
    assert rabbitmq.management_url
    with httpx.Client(base_url=f"{rabbitmq.management_url}/api", timeout=30) as management:

        def put(path: str, **body: str) -> None:
            management.put(path, json=body).raise_for_status()

        put(f"/users/{USER}", password=_PASSWORD, tags="")
        put(
            f"/permissions/{vhost}/{USER}",
            **dict(zip(("configure", "write", "read"), permissions, strict=True)),
        )
        put(
            f"/topic-permissions/{vhost}/{USER}",
            **dict(zip(("exchange", "write", "read"), topics, strict=True)),
        )
        try:
            yield
        finally:
            management.delete(f"/users/{USER}").raise_for_status()
