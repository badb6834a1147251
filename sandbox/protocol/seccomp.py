"""The system calls that a child may make: an allow list, which the parent turns into a filter once.

The child needs only its socket, memory, and a way to end itself; it has read all files before it loads the
filter. So there is no `open`, no `socket`, no `clone` of any kind, no `kill`, and no way to make memory
executable. The arguments of the allowed calls are restricted, too:

- `recvfrom` and `sendto` only on descriptor 0, the socket, only with the parent, and without flags (the flags
  for out-of-band data have been a way into the kernel: CVE-2025-38236). `sendmsg` and `recvmsg`, which can
  carry descriptors, are not allowed. `write` only to descriptor 2, the last words.
- `mmap` only for anonymous memory, and neither `mmap` nor `mprotect` with `PROT_EXEC`.

Any other call fails with EPERM, so that a C library can go on if it tries a new call and has an alternative.
Calls that the child never has a reason for, such as starting a program, end the child at once: an attacker
who gets that far must not have a second attempt.

The parent makes the filter (with libseccomp, which Python finds with the help of other programs), and the
child loads it with one system call. So the child starts faster and never loads libseccomp.
"""

import functools
import os
from typing import Any, Final

from sandbox.errors import SandboxUnavailable

#: The only descriptors of a confined child: the socket to its parent, and a pipe for the interpreter's output
#: when it dies.
SOCKET: Final = 0
LAST_WORDS: Final = 2

#: mmap(2), asm-generic/mman-common.h.
_PROT_EXEC: Final = 0x4
_MAP_ANONYMOUS: Final = 0x20

#: Calls that are allowed with any arguments.
_ALLOWED: Final = (
    "brk",
    "clock_gettime",  # for a clock that needs a system call, and for the CPU time
    "exit",
    "exit_group",
    "gettimeofday",
    "madvise",
    "mremap",
    "munmap",
    "restart_syscall",
    "rt_sigreturn",
)

#: Calls that end the child.
_DEADLY: Final = (
    "add_key",
    "bpf",
    "clone",
    "clone3",
    "connect",
    "execve",
    "execveat",
    "fork",
    "init_module",
    "finit_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "memfd_create",
    "memfd_secret",
    "mount",
    "open_by_handle_at",
    "perf_event_open",
    "pidfd_getfd",
    "pidfd_open",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "request_key",
    "seccomp",
    "setns",
    "socket",
    "socketpair",
    "umount2",
    "unshare",
    "userfaultfd",
    "vfork",
)


#: errno(3): "Operation not permitted".
_EPERM: Final = 1


@functools.cache
def filter_program() -> bytes:
    """Return the filter in the kernel's format: an array of `struct sock_filter` (seccomp(2)).

    Raises `SandboxUnavailable` if libseccomp is missing or cannot make the filter.
    """
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError) as e:
        raise SandboxUnavailable(f"libseccomp cannot be loaded ({e})") from e
    try:
        return _exported(_rules(pyseccomp))
    except OSError as e:
        raise SandboxUnavailable(f"libseccomp cannot make the filter ({e})") from e


def _rules(pyseccomp: Any) -> Any:
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(_EPERM))
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)

    def rule(action: int, name: str, *arguments: tuple[int, ...]) -> None:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        if number >= 0:  # negative: Linux on this processor lacks the call, and all unnamed calls are refused
            rules.add_rule(action, number, *(pyseccomp.Arg(*argument) for argument in arguments))

    allow, equal, masked = pyseccomp.ALLOW, pyseccomp.EQ, pyseccomp.MASKED_EQ
    for name in _ALLOWED:
        rule(allow, name)
    rule(allow, "recvfrom", (0, equal, SOCKET), (3, equal, 0), (4, equal, 0))
    rule(allow, "sendto", (0, equal, SOCKET), (3, equal, 0), (4, equal, 0))
    rule(allow, "write", (0, equal, LAST_WORDS))
    not_executable = (2, masked, _PROT_EXEC, 0)
    rule(allow, "mmap", not_executable, (3, masked, _MAP_ANONYMOUS, _MAP_ANONYMOUS))
    rule(allow, "mprotect", not_executable)
    for name in _DEADLY:
        rule(pyseccomp.KILL_PROCESS, name)
    return rules


def _exported(rules: Any) -> bytes:
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    with open(descriptor, "r+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
