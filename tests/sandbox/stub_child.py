"""A child that starts like any other, and then misbehaves: `main` takes the name of the misbehaviour."""

import itertools
import math
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Never

import msgspec

from sandbox.job import Outcome
from sandbox.protocol.frames import PROGRESS, Part, Ready, Requests, Work, frame_of
from sandbox.protocol.progress import ProgressWriter
from sandbox.protocol.seccomp import SOCKET


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def part(outcomes: list[Any], states: list[bytes], seconds: list[Any] | None = None) -> bytes:
    """Return a part of an answer with values of any type."""
    times = [0.0] * len(states) if seconds is None else seconds
    return framed(msgspec.msgpack.encode([2, outcomes, states, times]))


def right(count: int) -> bytes:
    return bytes(frame_of(Part([Outcome("ok")] * count, [b"{}"] * count, [0.0] * count)))


def ok(**changed: Any) -> dict[str, Any]:
    return {"kind": "ok", "results": [], "failure": None, "killed": False, "fuel": 0, "peaks": {}} | changed


def failed(**changed: Any) -> dict[str, Any]:
    return ok(kind="error", failure={"message": "wrong"}, **changed)


def endless(connection: socket.socket) -> Never:
    while True:
        connection.sendall(bytes(65536))


def drip(connection: socket.socket) -> Never:
    for byte in itertools.cycle(right(1)[:5]):
        connection.sendall(bytes([byte]))
        time.sleep(0.01)
    raise AssertionError


def silence(_connection: socket.socket) -> None:
    time.sleep(3600)


def busy(_connection: socket.socket) -> Never:
    while True:
        pass


def gone(_connection: socket.socket) -> Never:
    os._exit(3)


def slain(_connection: socket.socket) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deaf(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    time.sleep(3600)


#: The answers to a request with this many tasks of one reading each, by the name of the lie.
LIES: dict[str, Callable[[int], bytes]] = {
    "4 GB": lambda _count: b"\xff\xff\xff\xff",
    "4 GB and some of it": lambda _count: b"\xff\xff\xff\xff" + bytes(100_000),
    "bad msgpack": lambda _count: framed(b"\xc1\xc1\xc1"),
    "an empty message": lambda _count: framed(b""),
    "deep nesting": lambda _count: framed(b"\x91" * 1_000_000),
    "deep nesting as an outcome": lambda _count: framed(b"\x93\x02" + b"\x91" * 100_000),
    "another message": lambda _count: bytes(frame_of(Ready([]))),
    "too few states": lambda count: part([ok()] * count, [b"{}"] * (count - 1)),
    "too many states": lambda count: part([ok()] * count, [b"{}"] * (count + 1)),
    "too many outcomes": lambda count: part([ok()] * (count + 1), [b"{}"] * (count + 1)),
    "no outcomes": lambda _count: part([], []),
    "half a frame": lambda count: right(count)[:-3],
    "half a header": lambda _count: b"\0\0",
    "garbage for results": lambda count: part([ok(results=[b"{'a': 1}"])] * count, [b"{}"] * count),
    "results that are no objects": lambda count: part([ok(results=[b"[1]"])] * count, [b"{}"] * count),
    "results that are not UTF-8": lambda count: part(
        [ok(results=[b'{"a": "\xff"}'])] * count, [b"{}"] * count
    ),
    "results nested deeply": lambda count: part(
        [ok(results=[b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"])] * count, [b"{}"] * count
    ),
    "results nested a little too deeply": lambda count: part(
        [ok(results=[b'{"a":' + b"[" * 16 + b"]" * 16 + b"}"])] * count, [b"{}"] * count
    ),
    "large results": lambda count: part(
        [ok(results=[b'{"a":"' + b"a" * 70_000 + b'"}'])] * count, [b"{}"] * count
    ),
    "many results": lambda count: part([ok(results=[b"{}"] * 101)] * count, [b"{}"] * count),
    "garbage for a state": lambda count: part([ok()] * count, [b"{"] * count),
    "a state that is no object": lambda count: part([ok()] * count, [b"null"] * count),
    "a large state": lambda count: part(
        [ok()] * count, [b'{"a":"' + b"a" * 70_000 + b'"}'] + [b"{}"] * (count - 1)
    ),
    "killed, it says": lambda count: part([failed(killed=True)] * count, [b"{}"] * count),
    "a kind that is the caller's": lambda count: part(
        [failed() | {"kind": "no-logic"}] * count, [b"{}"] * count
    ),
    "a kind that is none": lambda count: part([failed() | {"kind": "fine"}] * count, [b"{}"] * count),
    "failed with results": lambda count: part([failed(results=[b"{}"])] * count, [b"{}"] * count),
    "failed without a failure": lambda count: part([ok(kind="error")] * count, [b"{}"] * count),
    "fuel of less than nothing": lambda count: part([ok(fuel=-1)] * count, [b"{}"] * count),
    "peaks of what is no limit": lambda count: part([ok(peaks={"\x1b[2J": 1})] * count, [b"{}"] * count),
    "too few times": lambda count: part([ok()] * count, [b"{}"] * count, [0.0] * (count - 1)),
    "a time below zero": lambda count: part([ok()] * count, [b"{}"] * count, [-1.0] * count),
    "a time that is no number": lambda count: part([ok()] * count, [b"{}"] * count, [math.nan] * count),
    "endless time": lambda count: part([ok()] * count, [b"{}"] * count, [math.inf] * count),
    "types that are wrong": lambda count: part([ok(fuel="1")] * count, [b"{}"] * count),
}

#: Actions in place of an answer.
DEEDS: dict[str, Callable[[socket.socket], None]] = {
    "endless output": endless,
    "a byte now and then": drip,
    "silence": silence,
    "a loop": busy,
    "an end": gone,
    "a closed door": deaf,
    "killed from outside": slain,
}


def requests(connection: socket.socket) -> Iterator[Work]:
    """Yield the requests for work, after the child has said that it is ready."""
    incoming = Requests(connection)
    incoming.next()
    connection.sendall(frame_of(Ready(["nothing"])))
    while request := incoming.next():
        if isinstance(request, Work):
            yield request
        else:
            connection.sendall(right(0))


def main(name: str) -> None:
    """Answer every request in this way; or correctly, if it contains no reading `"poison"`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=SOCKET)
    progress = ProgressWriter(PROGRESS)
    for request in requests(connection):
        readings = [reading for task in request.tasks for reading in task.readings]
        if b'"poison"' not in readings:
            connection.sendall(right(len(readings)))
            progress.words[ProgressWriter.DONE] += len(readings)
        elif name in DEEDS:
            DEEDS[name](connection)
        else:
            connection.sendall(LIES[name](len(readings)))
            progress.words[ProgressWriter.DONE] += len(readings)
    sys.exit(0)
