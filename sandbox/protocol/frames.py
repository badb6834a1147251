"""The frames between a `Sandbox` and its child: a 4-byte length, big-endian, then one msgpack message.

Rules that keep both sides safe:

- A message is one of the Structs below and nothing else; msgspec checks every type while it decodes. There is
  no pickle, no marshal and no extension type.
- The receiver defines its longest frame, and checks the length before it allocates memory. Lists from a
  child have a maximum length, because a short frame can describe a long list.
- The parent collects the pieces of a frame as they arrive (`Inbox`). So a child that sends half a frame, or
  only a length, cannot block the parent, which keeps checking its deadline.
- The child trusts the contents of a message, because only its parent can send it one. The parent trusts
  nothing: see `answers.py`.

Parent and child take turns: one request, then its replies. The child answers a `Work` with one or more `Part`
messages, which hold the outcomes in the order of the readings. The child runs no timer by itself: if one is
due before a reading, it leaves out the rest of the task, and the parent gives out the timer next.
"""

import socket
import struct
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from sandbox.job import ALARMS, Checked, Compression, Format, Outcome, TimerRun
from sandbox.limits import Limits

#: The length in front of every message.
_HEADER: Final = struct.Struct(">I")

#: The child's descriptor of the page of memory for the progress, until the child has mapped it.
PROGRESS: Final = 1

#: The exit status of a child that ran out of memory.
OUT_OF_MEMORY: Final = 77

#: The parent's target size of one request, in bytes: so large that the exchange costs little compared with
#: the work, and small compared with the child's memory.
REQUEST_BYTES: Final = 1 << 20

#: The most readings in one request.
REQUEST_READINGS: Final = 10_000

#: How many bytes of a reading above its limit are still sent, so that it can be refused for its length. Also,
#: by how many bytes a machine's state and config may exceed their limits, which may have been lowered.
BEYOND_READING: Final = 4 << 20

#: How many bytes of a source above its limit are still sent.
BEYOND_SOURCE: Final = 1 << 20

#: The size in bytes of the child's permanent buffer; a longer request gets its own buffer.
_USUAL_REQUEST: Final = 64 << 10

#: After how many bytes of outcomes a child sends them as a `Part`.
PART_BYTES: Final = 256 << 10

#: The longest first message to a child, in bytes.
_LONGEST_SETUP: Final = 64 << 10

#: Bytes for all the small values of a message, in either direction: names, numbers, texts of failures.
_ROOM: Final = 1 << 20


class ChildSetup(Struct, frozen=True, array_like=True, tag=0):
    """The first message to a child: its limits, and how it must confine itself.

    `filter` is the seccomp filter in the kernel's format. It is empty if there is none, which only
    `allow_unconfined` permits. `parent` is the process id of the parent; the child ends with it.
    """

    limits: Limits
    filter: bytes
    allow_unconfined: bool
    parent: int


class Load(Struct, frozen=True, array_like=True):
    """A logic that replaces the one at a place in the child's table.

    `source` is UTF-8, in which surrogates are allowed.
    """

    place: int
    digest: str
    source: bytes
    code: bytes | None


class Task(Struct, frozen=True, array_like=True):
    """Readings of one machine, at least one, for the logic at `place`; see `Job`.

    `seconds` is the processor time that the logic had left for this batch when the request was sent. Before
    a reading at which a timer is due, the child stops: see `Part`.
    """

    place: int
    state: bytes
    readings: list[bytes | TimerRun]
    seconds: float
    config: bytes = b"{}"
    format: Format = "json"
    compression: Compression = "none"
    fuel: int | None = None
    metas: list[bytes] = []
    times: list[int] = []
    timers: dict[str, int] = {}
    alarms: list[str] = []


class Work(Struct, frozen=True, array_like=True, tag=1):
    """A request to drop the logics at some places, then to load others, and then to run tasks in order."""

    drops: list[int]
    loads: list[Load]
    tasks: list[Task]


class Check(Struct, frozen=True, array_like=True, tag=2):
    """A request to check and compile a source, whose bytes may be invalid UTF-8."""

    source: bytes


class Ready(Struct, frozen=True, array_like=True, tag=0):
    """A child's first message: it is confined and serves. `confinement` names the steps that took effect."""

    confinement: Annotated[list[str], Meta(max_length=100)]


class Unready(Struct, frozen=True, array_like=True, tag=1):
    """A child's first and last message if it cannot confine itself as requested."""

    reason: str


class Part(Struct, frozen=True, array_like=True, tag=2):
    """The next outcomes, and for each of their tasks the state after its last outcome.

    `seconds` has the processor time that each of these tasks has used since the last part. `waiting` is the
    number of readings that were not run after them, the last of their task, because a timer comes first.
    """

    outcomes: Annotated[list[Outcome], Meta(max_length=REQUEST_READINGS)]
    states: Annotated[list[bytes], Meta(max_length=REQUEST_READINGS)]
    seconds: Annotated[list[float], Meta(max_length=REQUEST_READINGS)]
    waiting: Annotated[int, Meta(ge=0, le=REQUEST_READINGS)] = 0


class CheckAnswer(Struct, frozen=True, array_like=True, tag=3):
    """The answer to a `Check`."""

    checked: Checked


Request = ChildSetup | Work | Check
Reply = Ready | Unready | Part | CheckAnswer

_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class FrameError(Exception):
    """The received bytes are not a valid frame."""


def longest_request(limits: Limits) -> int:
    """Return the length in bytes of the longest frame that a child accepts.

    A request has about `REQUEST_BYTES`, and beyond that at most one largest reading with its state and logic.
    """
    reading = limits.reading_bytes + BEYOND_READING
    state = limits.state_bytes + limits.config_bytes + BEYOND_READING
    return REQUEST_BYTES + reading + state + limits.source_bytes + BEYOND_SOURCE + limits.code_bytes + _ROOM


def longest_reply(limits: Limits) -> int:
    """Return the length in bytes of the longest frame that the parent accepts from a child.

    It has room for a part that is nearly full, plus the results and state of one largest reading, or for the
    compiled code or the problems of a source.
    """
    state = limits.state_bytes + BEYOND_READING
    alarms = ALARMS * limits.alarm_bytes
    return PART_BYTES + limits.result_bytes + alarms + state + limits.code_bytes + _ROOM


def frame_of(message: Request | Reply) -> bytearray:
    """Return the frame of a message."""
    buffer = bytearray(_HEADER.size)
    _encoder.encode_into(message, buffer, _HEADER.size)
    _HEADER.pack_into(buffer, 0, len(buffer) - _HEADER.size)
    return buffer


class Requests:
    """The child's side: receives requests from a blocking socket, one after the other.

    The parent sends a request only after the previous one is answered, so at most one request is in the
    socket. `longest` is the length of the longest frame to accept; it depends on the limits, which are in the
    first one.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.longest = _LONGEST_SETUP
        self._connection = connection
        self._buffer = bytearray(_USUAL_REQUEST)

    def next(self) -> Request | None:
        """Return the next request, or None if the parent has closed the socket. Raises `FrameError`."""
        buffer, got, end = self._buffer, 0, _HEADER.size
        while got < end:
            count = self._connection.recv_into(memoryview(buffer)[got:])
            if count == 0:
                return None
            got += count
            if end == _HEADER.size and got >= end:
                end += _HEADER.unpack_from(buffer)[0]
                if end > self.longest:
                    raise FrameError(f"a request of {end} bytes")
                if end > len(buffer):
                    buffer = buffer + bytes(end - len(buffer))
        return _request_decoder.decode(memoryview(buffer)[_HEADER.size : end])


class Inbox:
    """Assembles a child's frames from the bytes received so far. Holds one frame and a little more."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._held = bytearray()

    def add(self, data: bytes) -> None:
        """Add received bytes."""
        self._held += data

    def next(self) -> Reply | None:
        """Return the next message if it is complete, else None. Raises `FrameError` if it is invalid."""
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
