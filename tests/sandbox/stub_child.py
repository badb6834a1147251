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
from functools import partial
from typing import Any, NamedTuple, Never

import msgspec

from sandbox.job import Outcome
from sandbox.protocol.frames import (
    PROGRESS,
    ChildSetup,
    Part,
    Ready,
    Requests,
    Work,
    frame_of,
    longest_request,
)
from sandbox.protocol.progress import ProgressWriter
from sandbox.protocol.seccomp import SOCKET

#: A second after the readings of the tests of timers, in milliseconds since 1970.
SOON = 1_774_742_401_000


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


class Scene(NamedTuple):
    """The means of a deed: the socket, the words of the progress, and the number of readings in the request.

    `poison` is the index of the reading that makes the child misbehave.
    """

    connection: socket.socket
    words: memoryview
    given: int
    poison: int


def endless(scene: Scene) -> Never:
    while True:
        scene.connection.sendall(bytes(65536))


def drip(scene: Scene) -> Never:
    for byte in itertools.chain(struct.pack(">I", 1_000_000), itertools.repeat(0)):
        scene.connection.sendall(bytes([byte]))
        time.sleep(0.01)
    raise AssertionError


def drip_with_progress(scene: Scene) -> None:
    """Send one long answer byte by byte, and finish a reading now and then, as far as there are any."""
    for number, byte in enumerate(framed(bytes(1_000_000))):
        scene.connection.sendall(bytes([byte]))
        if number % 5 == 4 and number // 5 < scene.given:
            scene.words[ProgressWriter.DONE] += 1
        time.sleep(0.01)


def answer_byte_by_byte(scene: Scene) -> None:
    """Give the right answer, but far too slowly."""
    scene.words[ProgressWriter.DONE] += scene.given
    for byte in right(scene.given):
        scene.connection.sendall(bytes([byte]))
        time.sleep(0.05)


def parts_without_the_last(scene: Scene) -> None:
    """Answer for each reading before the poison, and then no more."""
    for _ in range(scene.poison):
        scene.words[ProgressWriter.DONE] += 1
        scene.connection.sendall(right(1))
        time.sleep(0.05)
    silence(scene)


def endless_progress(scene: Scene) -> Never:
    while True:
        scene.words[ProgressWriter.DONE] += 1


def slow_endless_progress(scene: Scene) -> Never:
    while True:
        scene.words[ProgressWriter.DONE] += 1
        time.sleep(0.03)


def crawl(scene: Scene) -> None:
    """Finish each reading just in time, and use no processor time."""
    for _ in range(scene.given):
        time.sleep(0.06)
        scene.words[ProgressWriter.DONE] += 1
    silence(scene)


def jump(scene: Scene) -> None:
    scene.words[ProgressWriter.DONE] += 1_000_000
    silence(scene)


def to_and_fro(scene: Scene) -> Never:
    while True:
        scene.words[ProgressWriter.DONE] ^= 1
        time.sleep(0.03)


def start_again_and_again(scene: Scene) -> Never:
    """Claim to start on the poison, again and again, and do not finish it."""
    scene.words[ProgressWriter.DONE] += scene.poison
    while True:
        scene.words[ProgressWriter.WORKING] ^= 1


def silence(_scene: Scene) -> None:
    time.sleep(3600)


def busy(_scene: Scene) -> Never:
    while True:
        pass


def gone(_scene: Scene) -> Never:
    os._exit(3)


def slain(_scene: Scene) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deaf(scene: Scene) -> None:
    scene.connection.shutdown(socket.SHUT_WR)
    time.sleep(3600)


def _with_alarms(alarms: dict[str, Any], count: int) -> bytes:
    return part([ok(alarms=alarms)] * count, [b"{}"] * count)


#: Alarms that no honest child has.
_ALARMS: dict[str, dict[str, Any]] = {
    "with a bad name": {"a b": ["warning", "", b"{}"]},
    "of no severity": {"a": ["fatal", "", b"{}"]},
    "with a long message": {"a": ["warning", "x" * 501, b"{}"]},
    "with a list of details": {"a": ["warning", "", b"[]"]},
    "with details that are no JSON": {"a": ["warning", "", b"{"]},
    "with large details": {"a": ["warning", "", b'{"a":"' + b"x" * 5_000 + b'"}']},
    "cleared and not active": {"a": None},
    "one too many": {str(n): ["warning", "", b"{}"] for n in range(17)},
}

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
    "a timer in the past": lambda count: part([ok(timers={"t": 5})] * count, [b"{}"] * count),
    "a timer of the next century": lambda count: part([ok(timers={"t": 2**42})] * count, [b"{}"] * count),
    "a timer with a bad name": lambda count: part([ok(timers={"t\n": SOON})] * count, [b"{}"] * count),
    "more timers than allowed": lambda count: part(
        [ok(timers={str(n): SOON for n in range(17)})] * count, [b"{}"] * count
    ),
    "a cancelled timer that is not set": lambda count: part(
        [ok(timers={"t": None})] * count, [b"{}"] * count
    ),
    "readings left out without a timer": lambda count: framed(
        msgspec.msgpack.encode([2, [ok()] * (count - 1), [b"{}"] * (count - 1), [0.0] * (count - 1), 1])
    ),
    "a failure that sets a timer": lambda count: part([failed(timers={"t": SOON})] * count, [b"{}"] * count),
    **{f"an alarm: {what}": partial(_with_alarms, alarms) for what, alarms in _ALARMS.items()},
    "a failure that raises an alarm": lambda count: part(
        [failed(alarms={"a": ["warning", "", b"{}"]})] * count, [b"{}"] * count
    ),
    "types that are wrong": lambda count: part([ok(fuel="1")] * count, [b"{}"] * count),
}

#: Actions in place of an answer.
DEEDS: dict[str, Callable[[Scene], None]] = {
    "endless output": endless,
    "a byte now and then": drip,
    "a byte now and then, with progress": drip_with_progress,
    "an answer byte by byte": answer_byte_by_byte,
    "parts without the last one": parts_without_the_last,
    "endless progress": endless_progress,
    "endless progress, slowly": slow_endless_progress,
    "progress that is slow": crawl,
    "progress that jumps": jump,
    "progress to and fro": to_and_fro,
    "a start again and again": start_again_and_again,
    "silence": silence,
    "a loop": busy,
    "an end": gone,
    "a closed door": deaf,
    "killed from outside": slain,
}

#: A child that begins its first message and never ends it.
DRIPPING_START = "drip at the start"

#: A child that reads a long request byte by byte.
SLOW_READER = "a slow reader"


class Slowly:
    """A socket that gives a byte at a time of what comes after the first 64 KiB of a request."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def recv_into(self, buffer: memoryview) -> int:
        if len(buffer) < 65_536:
            return self._connection.recv_into(buffer)
        time.sleep(0.01)
        return self._connection.recv_into(buffer[:1])


def requests(connection: socket.socket, name: str) -> Iterator[Work]:
    """Yield the requests for work, after the child has said that it is ready."""
    incoming = Requests(connection)
    setup = incoming.next()
    assert isinstance(setup, ChildSetup)
    incoming.longest = longest_request(setup.limits)
    if name == DRIPPING_START:
        drip(Scene(connection, memoryview(b""), 0, 0))
    connection.sendall(frame_of(Ready(["nothing"])))
    if name == SLOW_READER:
        incoming._connection = Slowly(connection)  # type: ignore[assignment]
    while request := incoming.next():
        if isinstance(request, Work):
            yield request
        else:
            connection.sendall(right(0))


def main(name: str) -> None:
    """Answer every request in this way; or correctly, if it contains no reading `"poison"`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=SOCKET)
    words = ProgressWriter(PROGRESS).words
    for request in requests(connection, name):
        readings = [reading for task in request.tasks for reading in task.readings]
        if name in DEEDS and b'"poison"' in readings:
            DEEDS[name](Scene(connection, words, len(readings), readings.index(b'"poison"')))
        else:
            lie = LIES[name] if b'"poison"' in readings else right
            words[ProgressWriter.DONE] += len(readings)
            connection.sendall(lie(len(readings)))
    sys.exit(0)
