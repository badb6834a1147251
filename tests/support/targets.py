"""Targets of notifications on loopback: a web server and a mail server that keep what they receive."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from aiosmtpd.controller import Controller

from pipeline.local.ports import free_port


@dataclass
class Posted:
    """A request that the web server has received."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        """The CloudEvents in its body."""
        found: list[dict[str, Any]] = json.loads(self.body)
        return found

    @property
    def alarms(self) -> list[tuple[str, str]]:
        """The machine and the reason of each event."""
        return [(each["subject"], each["notification"]) for each in self.events if "notification" in each]


@dataclass
class WebTarget:
    """A web server. It answers with `statuses` in order, and then with 204. If `hangs`, it says nothing."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    hangs: bool = False
    released: Event = field(default_factory=Event)

    @property
    def alarms(self) -> list[tuple[str, str]]:
        """The machine and the reason of all events, in order."""
        return [alarm for each in self.posted for alarm in each.alarms]


@contextmanager
def web_target(host: str = "127.0.0.1") -> Iterator[WebTarget]:
    """A web server that runs while the block runs."""
    target = WebTarget()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target.posted.append(Posted(self.path, dict(self.headers), body))
            if target.hangs:
                target.released.wait(60)
                return
            self.send_response(target.statuses.pop(0) if target.statuses else 204)
            if target.location:
                self.send_header("Location", target.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((host, 0), Handler) as server:
        server.daemon_threads = True
        target.url = f"http://127.0.0.1:{server.server_port}/alarms"
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield target
        finally:
            target.released.set()
            server.shutdown()
            thread.join()


@dataclass
class MailTarget:
    """A mail server. It refuses recipients whose address begins with one of `refused`.

    It answers QUIT with `leaves`.
    """

    url: str = ""
    messages: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refused: tuple[str, ...] = ()
    leaves: str = "221 Bye"

    async def handle_RCPT(  # noqa: N802 - the name of aiosmtpd
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Accept or refuse a recipient."""
        if address.startswith(self.refused):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a message."""
        self.messages.append(bytes(envelope.content))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802
        """Answer the end of a session."""
        return self.leaves


@contextmanager
def mail_target() -> Iterator[MailTarget]:
    """A mail server that runs while the block runs."""
    target = MailTarget()
    port = free_port()
    controller = Controller(target, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        target.url = f"smtp://127.0.0.1:{port}"
        yield target
    finally:
        controller.stop()
