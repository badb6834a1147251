"""Clients that are slow on purpose, on real sockets, against uvicorn with our connection class."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from pipeline.local.ports import free_port
from tests.support.waiting import wait_until
from web.http.connection import bounded

#: Seconds that the server waits for its clients.
PATIENCE = 0.5

#: The maximum number of connections.
CONNECTIONS = 10

#: More bytes than the buffers of two sockets hold.
BIG = 50_000_000


class App:
    """Answers at once, when the test lets it, piece by piece, or with a very large response."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.bodies = list[bytes]()
        self.left = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == "/body":
            body = b""
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.left += 1
                    return
                body += message["body"]
                if not message["more_body"]:
                    break
            self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if path == "/stream":
            while not self.let.is_set():
                await send({"type": "http.response.body", "body": b".", "more_body": True})
                await anext(pause())
        elif path == "/long":
            while not self.let.is_set():
                await anext(pause())
        elif path == "/big":
            await send({"type": "http.response.body", "body": b"x" * BIG, "more_body": True})
        await send({"type": "http.response.body", "body": b"end"})


async def pause() -> Any:
    import asyncio

    await asyncio.sleep(0.02)
    yield


@pytest.fixture(scope="module")
def app() -> App:
    return App()


@pytest.fixture(scope="module")
def port(app: App) -> Iterator[int]:
    port = free_port()
    config = uvicorn.Config(
        app,
        port=port,
        http=bounded(PATIENCE, CONNECTIONS),
        ws="none",
        log_level="error",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield port
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    with connect(port) as client:
        yield client


def connect(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.settimeout(20)
    return client


def rest(client: socket.socket) -> bytes:
    """Return all data until the server ends the connection."""
    received = b""
    try:
        while part := client.recv(1_000_000):
            received += part
    except ConnectionResetError:
        pass
    return received


def trickle(client: socket.socket, endless: bytes) -> bytes:
    """Send a byte at a time until the server ends the connection. Return the server's response."""
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.02):
            try:
                client.sendall(endless)
            except OSError:
                return

    sending = threading.Thread(target=send)
    sending.start()
    received = rest(client)
    stop.set()
    sending.join()
    return received


def test_a_client_that_sends_nothing_is_disconnected(client: socket.socket) -> None:
    assert rest(client) == b""


def test_a_request_that_trickles_in_is_answered_with_408(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
    received = trickle(client, b"a")

    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in received
    assert b"was not complete after 0.5 seconds" in received


def test_a_body_that_trickles_in_is_answered_with_408_and_its_handler_is_notified(
    app: App, client: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    left = app.left
    client.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    received = trickle(client, b"a")
    wait_until(lambda: app.left == left + 1)

    assert received.startswith(b"HTTP/1.1 408 ")
    assert capfd.readouterr().err == ""


def test_the_server_does_not_wait_for_the_rest_of_a_request_answered_early(client: socket.socket) -> None:
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    received = trickle(client, b"1\r\na\r\n")

    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"HTTP/1.1") == 1


def test_a_slow_request_completed_in_time_is_answered_and_the_next_gets_a_new_deadline(
    app: App, client: socket.socket
) -> None:
    request = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
    for _ in range(3):
        for place in range(0, len(request), 25):
            client.sendall(request[place : place + 25])
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += client.recv(10_000)
        assert received.startswith(b"HTTP/1.1 200 ")
    ended = rest(client)

    assert app.bodies[-3:] == [b"ab"] * 3
    assert b"408" not in ended


def test_pipelined_requests_are_all_answered(app: App, client: socket.socket) -> None:
    client.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na" * 20 + b"GET /")
    received = trickle(client, b"a")

    assert received.count(b"HTTP/1.1 200 ") == 20
    assert received.count(b"HTTP/1.1 408 ") == 1
    assert app.bodies[-20:] == [b"a"] * 20


def test_a_client_that_does_not_read_its_response_is_disconnected(client: socket.socket) -> None:
    client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: not established(client))

    assert len(rest(client)) < BIG


def established(client: socket.socket) -> bool:
    """Return whether the other side has not closed the connection."""
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x01"


@pytest.mark.parametrize("path", [b"/long", b"/stream"])
def test_a_response_may_take_any_time(app: App, port: int, path: bytes) -> None:
    app.let.clear()
    with connect(port) as client, connect(port) as idle:
        client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        rest(idle)
        with connect(port) as another:
            rest(another)
        app.let.set()
        received = rest(client)

    assert received.endswith(b"end\r\n0\r\n\r\n")


def test_one_connection_too_many_gets_503_and_later_there_is_room_again(port: int) -> None:
    clients = [connect(port) for _ in range(CONNECTIONS + 1)]
    refused = rest(clients[-1])
    for client in clients:
        client.close()

    assert refused.startswith(b"HTTP/1.1 503 ")

    def answered() -> bool:
        with connect(port) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return rest(client).startswith(b"HTTP/1.1 200 ")

    wait_until(answered)
