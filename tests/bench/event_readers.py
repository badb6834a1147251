"""Many clients that read live events, in one process that costs as little as possible.

`python -m tests.bench.event_readers URL READERS STUCK` opens the streams and prints `connected`. On SIGTERM
it prints how many events per second each client that is not stuck received, from the first to the last one.
"""

import select
import signal
import socket
import sys
import time
from typing import NoReturn
from urllib.parse import urlsplit


def main() -> None:
    """Read until SIGTERM."""
    address = urlsplit(sys.argv[1])
    readers, stuck = int(sys.argv[2]), int(sys.argv[3])
    sockets = [
        _open(address.hostname or "", address.port or 80, stuck=place < stuck) for place in range(readers)
    ]
    for each in sockets:
        assert each.recv(12) == b"HTTP/1.1 200", "a stream was refused"
    poll = select.epoll()
    for each in sockets[stuck:]:
        each.setblocking(False)
        poll.register(each, select.EPOLLIN)
    by_number = {each.fileno(): each for each in sockets}
    signal.signal(signal.SIGTERM, _stop)
    print("connected", flush=True)
    events, began, ended = 0, 0.0, 0.0
    buffer = bytearray(256 * 1024)
    try:
        while True:
            for number, _ in poll.poll():
                size = by_number[number].recv_into(buffer)
                assert size, "a stream has ended"
                if found := buffer.count(b"\nevent: ", 0, size):
                    events, ended = events + found, time.monotonic()
                    began = began or ended
    except _Stopped:
        print(events / (readers - stuck) / max(ended - began, 0.001), flush=True)


class _Stopped(Exception):
    """SIGTERM was received."""


def _stop(*_: object) -> NoReturn:
    raise _Stopped


def _open(host: str, port: int, *, stuck: bool) -> socket.socket:
    opened = socket.socket()
    if stuck:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.connect((host, port))
    opened.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return opened


if __name__ == "__main__":
    main()
