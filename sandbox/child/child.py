"""The child: a process that only runs logic. `process.py` starts it, never a person.

Strategy. The child imports everything, uses it once as practice, and freezes it for the garbage collector.
Then it confines itself for good (`confinement.py`), reports that, and serves requests until the parent closes
its end of the socket. The socket is the child's standard input.

The child counts its finished readings in a page of memory that the parent reads (`progress.py`). If the child
dies or is killed, this count identifies the reading it was working on. If memory runs out, the child ends by
itself with a special exit status: such a process is not reliable enough for the next machine's reading. It
always ends at once, by `os._exit`: a normal exit of the interpreter would need calls that the filter forbids.
"""

import gc
import os
import signal
import socket
import sys
import unicodedata
import warnings
from typing import Final

from sandbox.child.confinement import NotConfined, confine
from sandbox.child.program import Program, bounded_recursion
from sandbox.child.runner import Loader, Runner
from sandbox.job import TimerRun
from sandbox.limits import Limits
from sandbox.protocol.frames import (
    OUT_OF_MEMORY,
    PROGRESS,
    Check,
    ChildSetup,
    Load,
    Ready,
    Reply,
    Requests,
    Task,
    Unready,
    Work,
    frame_of,
    longest_request,
)
from sandbox.protocol.progress import ProgressWriter
from sandbox.protocol.seccomp import SOCKET

#: Signals that a terminal or a service manager may send to a whole group of processes. Only the parent
#: decides when the child ends.
_IGNORED: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGPIPE,
)

#: Readings for the practice: CBOR and MessagePack with a time, and CBOR with a refused tag.
_PRACTICE_CBOR: Final = (b"\xa1\x61t\xc0\x74" + b"2013-03-21T20:04:00Z", b"\xc1\x00", b"\xd8\x1c\x80")
_PRACTICE_MSGPACK: Final = (b"\xd6\xff\x00\x00\x00\x00", b"\xc1")

#: A logic that the child runs once before it serves, so that everything imported or made at first use exists.
_PRACTICE: Final = """
import base64, binascii, collections, datetime, json, math, re, statistics, struct

def on_timer(timer, state):
    cancel_timer(timer["name"])
    clear_alarm("practice")

def process(data, state):
    set_timer("practice", minutes=1)
    raise_alarm("practice", severity="minor", message="practice", value=data["value"])
    state["count"] = state.get("count", 0) + 1
    window = [*state.get("window", []), data["value"]][-5:]
    state["window"] = window
    mean = statistics.fmean(window)
    spread = statistics.pstdev(window)
    moment = datetime.datetime.fromisoformat("2024-01-02T03:04:05+00:00")
    later = moment + datetime.timedelta(seconds=math.floor(mean))
    text = f"{mean:.2f} {spread!r:>10} {json.dumps({'a': [1, None]})} {later.isoformat()}"
    found = re.search(r"(?i)(?P<n>\\d+(a|b)*)x*", "1aäX" * 9)
    text += re.sub(r"\\w|ä", lambda match: match.group(), found["n"])
    raw = struct.pack("<hf", 1, mean) + base64.b64decode("AQI=") + base64.b16decode("FF")
    text += raw.hex() + raw.decode("utf-8", "replace") + str(binascii.crc32(raw))
    text += str(collections.Counter(raw).most_common(1))
    try:
        json.loads("{")
    except ValueError as e:
        text += str(e)
    return [{"text": text.upper(), "largest": max(window), "sorted": sorted(window)}]
"""


def main(load: Loader = Program.load) -> None:
    """Serve until the parent closes its end of the socket, then end the process."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    warnings.simplefilter("ignore")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=SOCKET)
    try:
        _serve(connection, load)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BaseException:  # noqa: BLE001  a logic that got past its guards may raise anything
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _serve(connection: socket.socket, load: Loader) -> None:
    def send(reply: Reply) -> None:
        connection.sendall(frame_of(reply))

    progress = ProgressWriter(PROGRESS)
    requests = Requests(connection)
    setup = requests.next()
    if not isinstance(setup, ChildSetup):
        return
    requests.longest = longest_request(setup.limits)
    _practise(setup.limits, progress)
    runner = Runner(setup.limits, progress, send, load)
    runner.start()
    gc.collect()
    gc.freeze()
    try:
        confinement = confine(
            setup.limits, setup.filter, setup.parent, allow_unconfined=setup.allow_unconfined
        )
    except (NotConfined, OSError, ValueError) as e:
        send(Unready(str(e)))
        return
    send(Ready(confinement))
    with bounded_recursion(setup.limits):
        while request := requests.next():
            match request:
                case Work():
                    runner.work(request)
                case Check():
                    runner.check(request)
                case ChildSetup():
                    return


def _practise(limits: Limits, progress: ProgressWriter) -> None:
    """Import and make now all objects that are made at first use, while files can still be read."""
    unicodedata.normalize("NFKC", "\u00b5")  # the compiler does this to names that are not ASCII
    runner = Runner(limits, progress, lambda _reply: None, Program.load)
    source = _PRACTICE.encode()
    for attempt in (source, b"import os\n", b"def f(:\n", b"\xff"):
        runner.check(Check(attempt))
    readings: list[bytes | TimerRun] = [b'{"value": 21.5}', b'{"value": "x"}', b"{", b"[1, 2]"]
    readings.append(TimerRun("practice", 0, 1))
    seconds = limits.batch_seconds
    tasks = [Task(0, b"{}", readings, seconds, times=[0] * len(readings))]
    tasks += [Task(0, b"{}", [*_PRACTICE_CBOR], seconds, format="cbor")]
    tasks += [Task(0, b"{}", [*_PRACTICE_MSGPACK], seconds, format="msgpack")]
    runner.work(Work([], [Load(0, "", source, None)], tasks))
    for word in (ProgressWriter.DONE, ProgressWriter.WORKING):
        progress.words[word] = 0
