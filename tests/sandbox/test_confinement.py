"""A logic that escaped all guards of the interpreter could still do nothing. Every attempt is real."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent

import pyseccomp
import pytest

from sandbox.job import Job, Logic, Outcome
from sandbox.limits import Limits
from sandbox.protocol.seccomp import _ALLOWED, _DEADLY
from tests.sandbox.unguarded import Unguarded

LIMITS = Limits(soft_seconds=0.2, hard_seconds=0.6)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Unguarded]:
    with Unguarded(LIMITS) as sandbox:
        yield sandbox


def attempt(sandbox: Unguarded, source: str, *, data: object = None) -> Outcome:
    """Let the child run these lines, which may `return`; and check that it still serves afterwards."""
    body = indent(dedent(source), "    ")
    logic = Logic.of(
        "import ctypes, errno, mmap, os, signal, socket, subprocess, threading, time\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"def process(data, state):\n{body}\n"
    )
    after = Logic.of("def process(data, state): return {'served': data}")
    [report, served] = sandbox.run(
        [Job(logic, b"{}", [json.dumps(data).encode()]), Job(after, b"{}", [b"1"])]
    )
    assert served.outcomes[0].results == [b'{"served":1}']
    [outcome] = report.outcomes
    return outcome


def refused(outcome: Outcome, *words: str) -> bool:
    """Check that the call failed inside the child, for lack of permission unless another error is given."""
    assert outcome.kind == "error", outcome
    assert outcome.failure
    return any(word in outcome.failure.message for word in words or ("Operation not permitted",))


def deadly(outcome: Outcome) -> bool:
    """Check that the kernel ended the child for it, with SIGSYS."""
    assert outcome.failure
    return outcome.killed and f"signal {int(signal.SIGSYS)}" in outcome.failure.message


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/self/mem", __file__])
def test_no_file_can_be_read(sandbox: Unguarded, path: str) -> None:
    assert refused(attempt(sandbox, "return {'text': open(data).read()}", data=path))


def test_no_program_can_be_run_with_a_pipe_to_it(sandbox: Unguarded) -> None:
    outcome = attempt(sandbox, "subprocess.run(['/bin/true'])")
    assert outcome.killed or refused(outcome)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder in which every user may do everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def test_no_file_can_be_written(sandbox: Unguarded, open_folder: Path) -> None:
    path = open_folder / "file"
    path.write_text("before")
    path.chmod(0o666)
    assert refused(attempt(sandbox, "open(data, 'w').write('after')", data=str(path)))
    assert refused(attempt(sandbox, "os.unlink(data)", data=str(path)))
    assert refused(attempt(sandbox, "os.mkdir(data)", data=str(open_folder / "folder")))
    assert path.read_text() == "before"
    assert [entry.name for entry in open_folder.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "source",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.system('true')",
        "threading.Thread(target=print).start()",
        "libc.ptrace(0, 0, 0, 0)",
        "libc.unshare(0x10000000)",
        "os.memfd_create('x')",
    ],
)
def test_no_socket_no_process_no_thread_no_tracing(sandbox: Unguarded, source: str) -> None:
    before = sandbox.restarts
    assert deadly(attempt(sandbox, source))
    assert sandbox.restarts == before + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, 0])
def test_no_signal_can_be_sent(sandbox: Unguarded, number: int) -> None:
    assert refused(attempt(sandbox, "os.kill(*data)", data=[os.getpid(), number]))
    assert refused(attempt(sandbox, "os.killpg(*data)", data=[os.getpgid(0), number]))


def test_there_is_no_environment_and_nothing_else_of_the_parents(sandbox: Unguarded) -> None:
    outcome = attempt(sandbox, "return {'environ': dict(os.environ)}")
    # PEP 538: an interpreter without a locale may set this variable itself.
    assert json.loads(outcome.results[0])["environ"] in ({}, {"LC_CTYPE": "C.UTF-8"})


def test_memory_cannot_be_made_executable(sandbox: Unguarded) -> None:
    assert refused(
        attempt(sandbox, "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)")
    )
    outcome = attempt(
        sandbox,
        """
        page = mmap.mmap(-1, 4096)
        at = ctypes.addressof(ctypes.c_char.from_buffer(page))
        libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        plain, executable = libc.mprotect(at, 4096, 3), libc.mprotect(at, 4096, 7)
        return {"plain": plain, "executable": executable, "errno": ctypes.get_errno()}
        """,
    )
    assert json.loads(outcome.results[0]) == {"plain": 0, "executable": -1, "errno": 1}


def test_memory_is_limited(sandbox: Unguarded) -> None:
    outcome = attempt(sandbox, "return {'size': len(bytearray(data))}", data=LIMITS.memory_bytes)
    assert outcome.kind == "limit"
    assert outcome.failure
    assert outcome.failure.limit == "memory_bytes"
    assert outcome.failure.allowed == LIMITS.memory_bytes


def test_memory_that_is_allocated_piece_by_piece_is_limited_too(sandbox: Unguarded) -> None:
    outcome = attempt(sandbox, "held = []\nwhile True: held.append(bytearray(1 << 20))")
    assert outcome.failure
    assert outcome.failure.limit in ("memory_bytes", "soft_seconds")


@pytest.mark.parametrize(
    "source",
    [
        "signal.signal(signal.SIGPROF, signal.SIG_IGN)",
        "signal.setitimer(signal.ITIMER_PROF, 0)",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPROF])",
        "os.dup(0)",
        "os.close(0)",
        "os.setresuid(0, 0, 0)",
        "os.setns(0)" if hasattr(os, "setns") else "os.setsid()",
        "time.sleep(0.01)",
        "os.write(1, b'x')",
        "os.read(0, 1)",
    ],
)
def test_nothing_of_the_process_can_be_changed(sandbox: Unguarded, source: str) -> None:
    outcome = attempt(sandbox, source)
    assert outcome.killed or refused(outcome)


def test_the_other_end_cannot_be_sent_a_descriptor(sandbox: Unguarded) -> None:
    assert refused(
        attempt(
            sandbox,
            """
            if libc.sendmsg(0, ctypes.byref((ctypes.c_char * 64)()), 0) < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            """,
        )
    )


def test_every_call_of_the_kernel_that_is_not_allowed_fails(sandbox: Unguarded) -> None:
    """The filter is a list of allowed calls; the test tries all others in the table.

    Except x86's uretprobe and uprobe, which the kernel lets pass every filter and refuses itself.
    """
    spared = {
        pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        for name in (*_ALLOWED, *_DEADLY, "recvfrom", "sendto", "write", "mmap", "mprotect")
    } | {335, 336}
    numbers = [number for number in range(600) if number not in spared]
    outcome = attempt(
        sandbox,
        """
        reached = []
        for number in data:
            ctypes.set_errno(0)
            result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)
            if (result, ctypes.get_errno()) != (-1, errno.EPERM):
                reached.append([number, result])
        return {"reached": reached}
        """,
        data=numbers,
    )
    assert json.loads(outcome.results[0]) == {"reached": []}


def test_a_call_from_the_table_of_another_processor_kills_the_child(sandbox: Unguarded) -> None:
    """A call numbered in the x32 table (bit 30 set), which on other processors is only unknown."""
    outcome = attempt(
        sandbox,
        """
        if libc.syscall(ctypes.c_long(0x40000000 + 39)) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        """,
    )
    assert outcome.killed or refused(outcome)


def test_an_endless_logic_is_stopped_from_inside(sandbox: Unguarded) -> None:
    before = sandbox.restarts
    outcome = attempt(sandbox, "while True: pass")
    assert outcome.kind == "limit"
    assert not outcome.killed
    assert outcome.failure
    assert outcome.failure.limit == "soft_seconds"
    assert sandbox.restarts == before


def test_a_logic_that_does_not_return_to_the_interpreter_is_killed(sandbox: Unguarded) -> None:
    outcome = attempt(sandbox, "all(iter(lambda: True, False)) if data else sum(iter(int, 1))")
    assert outcome.kind == "limit"
    assert outcome.killed
    assert outcome.failure
    assert outcome.failure.limit == "hard_seconds"


def test_a_logic_that_catches_its_interruption_ends_too(sandbox: Unguarded) -> None:
    outcome = attempt(
        sandbox,
        """
        while True:
            try:
                while True: pass
            except BaseException: pass
        """,
    )
    assert outcome.kind == "limit"


@pytest.mark.parametrize("source", ["os._exit(0)", "os.abort()", "ctypes.string_at(0)", "raise SystemExit"])
def test_a_logic_that_kills_its_process_is_named(sandbox: Unguarded, source: str) -> None:
    outcome = attempt(sandbox, source)
    assert (outcome.kind, outcome.killed) == ("limit", True)


def test_the_child_reports_its_confinement_correctly(sandbox: Unguarded) -> None:
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{sandbox.pid}/status").read_text().splitlines()
    )
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"].strip() == "2"
    assert {status[name].strip("0\n") for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {""}
    assert status["Threads"] == "1"
    assert "0" not in status["Uid"].split()
    assert os.getsid(sandbox.pid) == sandbox.pid
    assert {"seccomp", "no-new-privileges", "no-capabilities", "resource-limits"} <= sandbox.confinement
