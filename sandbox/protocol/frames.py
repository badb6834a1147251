"""The frames between a `Sandbox` and its child: a 4-byte length, big-endian, then one msgpack message.

Rules that keep both sides safe:

- A message is one of the Structs below and nothing else; msgspec checks every type while it decodes. No
  pickle, no marshal, no extension types.
- Whoever receives names the longest frame it takes, and looks at the length before it makes room.
- The parent takes a frame in pieces as they come (`Inbox`), so that a child that sends half a frame, or
  a length with nothing behind it, holds up nobody: the clock is the parent's.
- What a message says is believed by the child, which hears only its parent. The parent believes nothing:
  see `answers.py`.

The child is in step with the parent: one request, then its replies. A `Work` is answered by one or more
`Part`, which hold the outcomes in the order of the readings.
"""

import socket
import struct
from typing import Final

import msgspec
from msgspec import Struct

from sandbox.job import Checked, Outcome
from sandbox.limits import Limits

#: The length in front of every message.
_HEADER: Final = struct.Struct(">I")

#: Where the child finds its page of memory for the progress, until it has mapped it.
PROGRESS: Final = 1

#: The exit status of a child that ran out of memory.
OUT_OF_MEMORY: Final = 77

#: The longest frame a child takes. A request holds about `REQUEST_BYTES` of readings, with their states and
#: logics; only a state far over every limit could be longer.
LONGEST_REQUEST: Final = 64 << 20

#: What the parent aims at for one request, in bytes: large enough that the exchange costs nothing beside the
#: work, small beside the child's memory.
REQUEST_BYTES: Final = 1 << 20

#: Bytes that the child keeps room for at all times; a longer request gets room of its own.
_USUAL_REQUEST: Final = 64 << 10

#: After how many bytes of outcomes a child sends them off as a `Part`.
PART_BYTES: Final = 256 << 10


class ChildSetup(Struct, frozen=True, array_like=True, tag=0):
    """The first message to a child: how it is to be confined, and its limits.

    `filter` is the seccomp filter as the kernel takes it, empty where there is none (and
    `allow_unconfined` says that it may be so); `parent` the process id it is to die with.
    """

    limits: Limits
    filter: bytes
    allow_unconfined: bool
    parent: int


class Load(Struct, frozen=True, array_like=True):
    """A logic for a place in the child's table, in place of what was there. UTF-8 with surrogates passed."""

    place: int
    digest: str
    source: bytes
    code: bytes | None


class Task(Struct, frozen=True, array_like=True):
    """Readings of one machine, at least one, for the logic at `place`; see `Job`."""

    place: int
    state: bytes
    readings: list[bytes]
    config: bytes = b"{}"


class Work(Struct, frozen=True, array_like=True, tag=1):
    """Logics to load first, then tasks to work on in order."""

    loads: list[Load]
    tasks: list[Task]


class Check(Struct, frozen=True, array_like=True, tag=2):
    """A source to check and compile, as bytes that need not be UTF-8."""

    source: bytes


class Ready(Struct, frozen=True, array_like=True, tag=0):
    """A child's first message: it is confined (by what, is in `confinement`) and serves."""

    confinement: list[str]


class Unready(Struct, frozen=True, array_like=True, tag=1):
    """A child's first and last message where it cannot be confined as asked."""

    reason: str


class Part(Struct, frozen=True, array_like=True, tag=2):
    """The next outcomes, and the state after the last of them for each task that they belong to."""

    outcomes: list[Outcome]
    states: list[bytes]


class CheckAnswer(Struct, frozen=True, array_like=True, tag=3):
    """The answer to a `Check`."""

    checked: Checked


Request = ChildSetup | Work | Check
Reply = Ready | Unready | Part | CheckAnswer

_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class FrameError(Exception):
    """What was received is no frame of ours."""


def longest_reply(limits: Limits) -> int:
    """The longest frame the parent takes from a child, in bytes.

    A part that is just not full, the largest reading there is on top, and room for texts of failures; or
    the compiled code and the problems of a source, of which the room is by far enough for both.
    """
    return PART_BYTES + limits.result_bytes + limits.state_bytes + (4 << 20)


def frame_of(message: Request | Reply) -> bytearray:
    """The message as it is sent."""
    buffer = bytearray(_HEADER.size)
    _encoder.encode_into(message, buffer, _HEADER.size)
    _HEADER.pack_into(buffer, 0, len(buffer) - _HEADER.size)
    return buffer


class Requests:
    """The child's side: takes requests from a blocking socket, one after the other.

    The parent sends a request only when the one before is answered, so that what is received is at most one.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray(_USUAL_REQUEST)

    def next(self) -> Request | None:
        """The next request; None where the parent has gone. Raises `FrameError`."""
        buffer, got, end = self._buffer, 0, _HEADER.size
        while got < end:
            count = self._connection.recv_into(memoryview(buffer)[got:])
            if count == 0:
                return None
            got += count
            if end == _HEADER.size and got >= end:
                end += _HEADER.unpack_from(buffer)[0]
                if end > LONGEST_REQUEST:
                    raise FrameError(f"a request of {end} bytes")
                if end > len(buffer):
                    buffer = buffer + bytes(end - len(buffer))
        return _request_decoder.decode(memoryview(buffer)[_HEADER.size : end])


class Inbox:
    """Puts frames of a child together from what has come so far. Holds one frame and a little more."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._held = bytearray()

    def add(self, data: bytes) -> None:
        """Take in what has come."""
        self._held += data

    def next(self) -> Reply | None:
        """The next message, where all of it is there. Raises `FrameError` for what is no message."""
        if len(self._held) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._held)
        if length > self._longest:
            raise FrameError(f"a frame said to have {length} bytes")
        end = _HEADER.size + length
        if len(self._held) < end:
            return None
        message = bytes(memoryview(self._held)[_HEADER.size : end])
        del self._held[:end]
        try:
            return _reply_decoder.decode(message)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
            raise FrameError(f"a message that cannot be read: {e}") from e
