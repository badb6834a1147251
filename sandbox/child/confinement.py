"""The confinement of the child: it gives up its rights before it serves, so that an escape gains nothing.

The child calls `confine` once, with only one thread, after it has imported everything it will ever need. The
order of the steps matters:

1. The descriptors are closed first. Then the child leaves the network namespace, which needs the privileges
   that it drops next.
2. A change of user clears the signal that the kernel sends when the parent ends, so the child requests that
   signal afterwards.
3. `no_new_privs` comes before Landlock and the filter: an ordinary user may load them only with it.
4. The memory limits come after the imports. The filter comes last, because it forbids all the other steps.

The result names each step that took effect. Some are not available everywhere: an ordinary user cannot become
nobody, a kernel may lack Landlock, a container may forbid namespaces. The filter is essential: without it
there is no confinement, and `NotConfined` is raised unless the settings allow that.
"""

import ctypes
import errno
import os
import pwd
import resource
import signal
from collections.abc import Callable
from typing import Final

from sandbox.limits import Limits
from sandbox.protocol.seccomp import LAST_WORDS, SOCKET

# prctl(2), linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECCOMP: Final = 22
_PR_CAPBSET_READ: Final = 23
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_SECCOMP_MODE_FILTER: Final = 2

#: The most capabilities a kernel could number (capabilities(7) has 41).
_CAPABILITIES: Final = 64
_CAPABILITY_VERSION_3: Final = 0x20080522
_CAP_KILL: Final = 5

# unshare(2), linux/sched.h
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000

# landlock(7), linux/landlock.h; the numbers of the calls are the same on every processor.
_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_RESTRICT_SELF: Final = 446
_LANDLOCK_CREATE_RULESET_VERSION: Final = 1
#: How many rights on files each version of Landlock's interface knows; a right is a bit, from 0 up.
_LANDLOCK_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_LANDLOCK_NET_RIGHTS: Final = 0b11  # bind and connect of TCP, from version 4 on
_LANDLOCK_SCOPES: Final = 0b11  # abstract sockets and signals, from version 6 on

#: The user that a child of root becomes if the machine has no user "nobody".
_NOBODY: Final = 65_534

#: Descriptors to close: the parent hands over three, and the interpreter opens a few more.
_DESCRIPTORS: Final = 1 << 16

#: Makes the kernel kill this process first when memory runs out (proc(5), oom_score_adj).
_FIRST_TO_GO: Final = b"1000"

_libc = ctypes.CDLL(None, use_errno=True)


class NotConfined(Exception):
    """The child cannot be confined as required."""


def confine(limits: Limits, filter_program: bytes, parent: int, *, allow_unconfined: bool) -> list[str]:
    """Confine this process for good, and return the names of the steps that took effect.

    `filter_program` is `seccomp.filter_program()`, or empty if that could not be made. `parent` is the
    process id of the parent. Raises `NotConfined` if the filter cannot be loaded, unless `allow_unconfined`;
    also if the process keeps a privilege, or the parent has ended.
    """
    _be_first_to_go()
    os.closerange(SOCKET + 1, LAST_WORDS)
    os.closerange(LAST_WORDS + 1, _DESCRIPTORS)
    active = list[str]()

    def note(name: str, step: Callable[[], bool]) -> None:
        if step():
            active.append(name)

    note("network-namespace", _leave_network)
    note("nobody", _become_nobody)
    note("no-capabilities", _drop_capabilities)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise NotConfined("the parent has gone")
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    active.append("no-new-privileges")
    note("landlock", _restrict_by_landlock)
    _limit_resources(limits.memory_bytes)
    active.append("resource-limits")
    if filter_program and _load_filter(filter_program):
        active.append("seccomp")
    elif not allow_unconfined:
        raise NotConfined("the kernel does not take the seccomp filter")
    return active


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    if _libc.prctl(option, *map(ctypes.c_ulong, padded)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _be_first_to_go() -> None:
    """Make the kernel kill this child first when memory runs out: it is the least loss. This is optional."""
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(_FIRST_TO_GO)
    except OSError:
        return  # no /proc, or no right to write to it


def _leave_network() -> bool:
    """Enter an empty network namespace; for that, an ordinary user also needs a user namespace."""
    if _libc.unshare(_CLONE_NEWNET) == 0:
        return True
    return bool(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _become_nobody() -> bool:
    """Change from root to a user who owns nothing, and return whether that worked.

    It does not work in a container whose root lacks the capability for it. The step is skipped if the
    container lacks the capability to end another user's process, which the parent will need.
    """
    if os.geteuid() != 0 or _libc.prctl(_PR_CAPBSET_READ, ctypes.c_ulong(_CAP_KILL), 0, 0, 0) != 1:
        return False
    try:
        entry = pwd.getpwnam("nobody")
        user, group = entry.pw_uid, entry.pw_gid
    except KeyError:
        user = group = _NOBODY
    try:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    except OSError as e:
        if e.errno in (errno.EPERM, errno.EINVAL):
            return False
        raise
    return True


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _drop_capabilities() -> bool:
    for capability in range(_CAPABILITIES):
        # Fails without the capability for it, and for numbers above the last: then there is nothing to drop.
        _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if _libc.capset(ctypes.byref(header), ctypes.byref(nothing)) != 0:
        raise NotConfined("the capabilities cannot be given up")
    return True


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def _restrict_by_landlock() -> bool:
    """Forbid files, connections and signals to other processes: handle all rights, and grant none."""
    version = _syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return False
    known = min(version, max(_LANDLOCK_FILE_RIGHTS))
    attributes = _Ruleset(
        files=(1 << _LANDLOCK_FILE_RIGHTS[known]) - 1,
        net=_LANDLOCK_NET_RIGHTS if version >= 4 else 0,
        scopes=_LANDLOCK_SCOPES if version >= 6 else 0,
    )
    # An older kernel accepts a longer struct too, if the fields that it does not know are zero.
    ruleset = _syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    if ruleset < 0:
        return False
    try:
        return _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _syscall(number: int, *arguments: object) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *arguments))


def _limit_resources(memory_bytes: int) -> None:
    """Set hard limits, each the lower of ours and the present one.

    A limit of 0 files also forbids descriptors that are received or copied; a limit of 0 processes also
    forbids threads.
    """
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))


#: Bytes of one `struct sock_filter`.
_INSTRUCTION: Final = 8


def _load_filter(program: bytes) -> bool:
    filter_ = _Filter(len(program) // _INSTRUCTION, program)
    return bool(
        _libc.prctl(
            _PR_SET_SECCOMP,
            ctypes.c_ulong(_SECCOMP_MODE_FILTER),
            ctypes.byref(filter_),
            ctypes.c_ulong(0),
            ctypes.c_ulong(0),
        )
        == 0
    )
