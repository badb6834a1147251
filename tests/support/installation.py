"""An installation as its users run it: the real commands as processes, the real API, the real exchanges."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import httpx
import msgspec
import pika

from pipeline import wire
from pipeline.local.ports import free_port
from tests.support.host import LOOPBACK, Host
from tests.support.waiting import wait_until

#: The folder with the console scripts of the Python that runs the tests.
SCRIPTS = Path(sys.executable).parent


class Command:
    """One of our commands, as a process with its own process group and its output in a file."""

    def __init__(
        self, arguments: list[str], environ: dict[str, str], scripts: Path = SCRIPTS, host: Host = LOOPBACK
    ) -> None:
        self.name = arguments[0]
        self._log = tempfile.NamedTemporaryFile(prefix=f"{self.name}-", suffix=".log")  # noqa: SIM115
        self.process = subprocess.Popen(
            host.command([str(scripts / arguments[0]), *arguments[1:]]),
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def log(self) -> str:
        """Return all output so far."""
        return Path(self._log.name).read_text(errors="replace")

    def close(self) -> None:
        """Drop the output."""
        self._log.close()

    def check_running(self) -> None:
        """Fail with the command's output if it has ended."""
        assert self.process.poll() is None, f"{self.name} has ended:\n{self.log}"

    def kill(self) -> None:
        """SIGKILL the whole group, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Ask the command to end, and wait for it. Return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop:\n{self.log}") from None


class Collector:
    """Collects all messages of an exchange from now on, in the order of arrival."""

    def __init__(self, amqp_url: str, exchange: str) -> None:
        self.messages: list[tuple[str, pika.BasicProperties, bytes]] = []
        self.arrivals: list[float] = []
        self._url, self._exchange = amqp_url, exchange
        self._ready, self._stop = Event(), Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, self._exchange, "#")
            channel.basic_consume(queue, self._on_message, auto_ack=True)
            self._ready.set()
            while not self._stop.is_set():
                connection.process_data_events(time_limit=0.05)

    def _on_message(
        self, _channel: object, method: Any, properties: pika.BasicProperties, body: bytes
    ) -> None:
        self.arrivals.append(time.monotonic())
        self.messages.append((method.routing_key, properties, body))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The bodies, decoded."""
        return [json.loads(body) for _, _, body in list(self.messages)]

    def by_machine(self) -> dict[str, list[dict[str, Any]]]:
        """The events of each machine, in order."""
        machines = defaultdict[str, list[dict[str, Any]]](list)
        for event in self.events:
            machines[event["subject"]].append(event)
        return machines


class Installation:
    """API, workers and clients on one RabbitMQ virtual host and one Redis database."""

    #: The folder with our commands.
    scripts = SCRIPTS

    def __init__(self, amqp_url: str, redis_url: str, mqtt_url: str = "") -> None:
        self.amqp_url, self.redis_url, self.mqtt_url = amqp_url, redis_url, mqtt_url
        self.commands: list[Command] = []
        port = free_port()
        self.environ = {
            "PATH": os.environ["PATH"],
            "IOT_LOGIC_AMQP_URL": amqp_url,
            "IOT_LOGIC_REDIS_URL": redis_url,
            "IOT_LOGIC_API_PORT": str(port),
            "IOT_LOGIC_API_URL": f"http://127.0.0.1:{port}",
            "IOT_LOGIC_SIGNING_KEY": "a key for tests",
        }
        if mqtt_url:
            self.environ["IOT_LOGIC_MQTT_URL"] = mqtt_url
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def start(self, *arguments: str, environ: dict[str, str] | None = None, host: Host = LOOPBACK) -> Command:
        """Start one of our commands."""
        command = Command(list(arguments), self.environ | (environ or {}), self.scripts, host)
        self.commands.append(command)
        return command

    def start_api(self) -> Command:
        """Start the API and wait until it is ready."""
        api = self.start("iot-api")

        def ready() -> bool:
            api.check_running()
            try:
                return self.client.get("/health/ready").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(ready, timeout=30)
        return api

    def start_worker(
        self,
        processes: int = 1,
        threads: int = 4,
        *,
        module: str = "pipeline.actors",
        environ: dict[str, str] | None = None,
    ) -> Command:
        """Start a worker, as `dramatiq pipeline.actors` does, without waiting until it is ready."""
        arguments = ("dramatiq", module, "-p", str(processes), "-t", str(threads))
        return self.start(*arguments, environ=environ)

    def upload(self, machine_id: str, source: str) -> int:
        """Upload a logic. Return its version."""
        response = self.client.post(f"/machines/{machine_id}/logic", json={"logic": source})
        assert response.status_code == 201, response.text
        version: int = response.json()["version"]
        return version

    def state(self, machine_id: str) -> dict[str, Any]:
        """Return a machine's state, over REST."""
        response = self.client.get(f"/machines/{machine_id}/state")
        assert response.status_code == 200, response.text
        state: dict[str, Any] = response.json()
        return state

    def send(self, readings: Iterable[tuple[str, Any]]) -> None:
        """Publish readings (machine, JSON value or bytes) over AMQP, each confirmed by the broker."""
        with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for machine_id, value in readings:
                channel.basic_publish(
                    wire.INGEST_EXCHANGE,
                    wire.data_key(machine_id),
                    value if isinstance(value, bytes) else json.dumps(value).encode(),
                    pika.BasicProperties(delivery_mode=2),
                    mandatory=True,
                )

    def dead_letters(self, **where: str) -> list[tuple[dict[str, Any], bytes]]:
        """Return all dead letters published so far, over REST, each with its reading."""
        self._wait_for_collector()
        letters = list[tuple[dict[str, Any], bytes]]()
        after = ""
        while True:
            response = self.client.get("/dead-letters", params={**where, "after": after, "limit": 1000})
            assert response.status_code == 200, response.text
            letters += [self.dead_letter(each["id"]) for each in response.json()["dead_letters"]]
            if (after := response.json()["next"]) is None:
                return letters

    def dead_letter(self, letter_id: str) -> tuple[dict[str, Any], bytes]:
        """Return one dead letter with its reading, over REST."""
        response = self.client.get(f"/dead-letters/{letter_id}")
        assert response.status_code == 200, response.text
        letter = msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
        body = bytes(letter.pop("reading"))
        said = {name: msgspec.json.decode(value) for name, value in letter.items()}
        return said, b64decode(json.loads(body)) if said["encoding"] == "base64" else body

    def _wait_for_collector(self) -> None:
        """Send a dead letter of our own behind all others, wait until it is stored, and delete it."""
        name = f"{len(self.commands)}{time.monotonic_ns()}"[:15]
        with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(
                wire.DEAD_LETTERS_EXCHANGE,
                wire.dead_letter_key("the-last"),
                b"",
                pika.BasicProperties(delivery_mode=2, message_id=f"the-last/{name}"),
                mandatory=True,
            )
        wait_until(lambda: self.client.delete(f"/dead-letters/the-last/{name}").status_code == 204)

    def wait_for_dead_letters(self, count: int) -> list[tuple[dict[str, Any], bytes]]:
        """Return all dead letters, once there are `count`."""
        wait_until(lambda: self.client.get("/dead-letters").json()["kept"] >= count)
        return self.dead_letters()

    @contextmanager
    def collect(self, exchange: str = wire.RESULTS_EXCHANGE) -> Iterator[Collector]:
        """Collect the messages of an exchange while the block runs."""
        collector = Collector(self.amqp_url, exchange)
        try:
            yield collector
        finally:
            collector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        for command in reversed(self.commands):
            command.stop()
            command.close()
