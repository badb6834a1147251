"""The sender for HTTP against a server from the standard library."""

import json
import socket
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from devices.errors import AddressError, Unreachable
from devices.outbox import Counts
from devices.senders import HttpSender
from pipeline.local.ports import free_port
from tests.support.waiting import wait_until


class Server:
    """Accepts readings as the API does. It answers with each of `statuses` once, and then with 202."""

    def __init__(self) -> None:
        self.port = free_port()
        self.bodies = defaultdict[str, list[bytes]](list)
        self.statuses: list[int] = []
        self.tokens = set[str | None]()
        self._connections = list[socket.socket]()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer._connections.append(self.connection)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    # `stop` cut the connection between the header and the body: there is no reading.
                    self.close_connection = True
                    return
                assert self.headers["Content-Type"] == "application/json"
                outer.tokens.add(self.headers["Authorization"])
                status = outer.statuses.pop(0) if outer.statuses else 202
                if status == 202:
                    outer.bodies[self.path].append(body)
                answer = json.dumps({"detail": f"answer {status}"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: Any) -> None:
                pass

        class QuietServer(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Ignore errors on connections that `stop` cut."""

        self._server = QuietServer(("127.0.0.1", self.port), Handler)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop the server, and cut the connections as a killed process would."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in self._connections:
            if connection.fileno() >= 0:
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    @property
    def count(self) -> int:
        return sum(map(len, list(self.bodies.values())))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sender(server: Server) -> Iterator[HttpSender]:
    sender = HttpSender(f"http://127.0.0.1:{server.port}")
    sender.open()
    yield sender
    sender.close()


def send(sender: HttpSender, machines: int, count: int) -> None:
    for number in range(count):
        for machine in range(machines):
            assert sender.send(f"machine_{machine}", b"%d" % number, timeout=60)


def expected(machines: int, count: int) -> dict[str, list[bytes]]:
    bodies = [b"%d" % number for number in range(count)]
    return {f"/machines/machine_{machine}/data": bodies for machine in range(machines)}


def test_each_machines_readings_arrive_in_order(server: Server, sender: HttpSender) -> None:
    send(sender, machines=10, count=50)
    assert sender.flush(60)
    assert server.bodies == expected(10, 50)
    assert sender.counts == Counts(sent=500, confirmed=500)


def test_readings_that_cannot_be_accepted_now_are_sent_again_in_order(
    server: Server, sender: HttpSender, caplog: pytest.LogCaptureFixture
) -> None:
    server.statuses = [503, 429, 500]
    send(sender, machines=1, count=20)
    assert sender.flush(60)
    assert server.bodies == expected(1, 20)
    assert sender.counts == Counts(sent=20, confirmed=20, repeated=3)
    assert "503 answer 503" in caplog.text
    assert sender.trouble is None


def test_a_refused_reading_is_counted_and_the_next_one_is_sent(
    server: Server, sender: HttpSender, caplog: pytest.LogCaptureFixture
) -> None:
    server.statuses = [400, 400]
    send(sender, machines=1, count=5)
    assert sender.flush(60)
    assert server.bodies == {"/machines/machine_0/data": [b"2", b"3", b"4"]}
    assert sender.counts == Counts(sent=5, confirmed=3, refused=2)
    assert caplog.text.count("refused a reading: 400 answer 400") == 1


def test_it_sends_its_token_and_keeps_the_readings_if_the_role_is_insufficient(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.statuses = [401, 403]
    sender = HttpSender(f"http://127.0.0.1:{server.port}", "iot_fleet_secret")
    sender.open()
    send(sender, machines=1, count=5)

    assert sender.flush(60)
    sender.close()
    assert server.bodies == expected(1, 5)
    assert server.tokens == {"Bearer iot_fleet_secret"}
    assert "401 answer 401" in caplog.text
    assert "secret" not in caplog.text


def test_a_token_that_cannot_be_sent_is_refused_without_being_shown() -> None:
    with pytest.raises(AddressError, match="IOT_LOGIC_API_TOKEN is malformed") as raised:
        HttpSender("http://127.0.0.1:1", "secret\r\nX-Other: header")

    assert "secret" not in str(raised.value)


def test_a_restart_of_the_api_loses_nothing(server: Server, sender: HttpSender) -> None:
    sending = Thread(target=send, args=(sender, 4, 500))
    sending.start()
    wait_until(lambda: server.count > 200)
    server.stop()
    wait_until(lambda: sender.trouble is not None)
    server.start()
    sending.join()
    assert sender.flush(60)
    assert sender.counts.confirmed == 2000
    first_arrivals = {path: list(dict.fromkeys(bodies)) for path, bodies in server.bodies.items()}
    assert first_arrivals == expected(4, 500)
    assert server.count - 2000 <= sender.counts.repeated


def test_an_unreachable_api_is_named() -> None:
    port = free_port()
    with pytest.raises(
        Unreachable, match=rf"http://127\.0\.0\.1:{port} is unreachable.*Check that the API is running"
    ):
        HttpSender(f"http://127.0.0.1:{port}").open()
