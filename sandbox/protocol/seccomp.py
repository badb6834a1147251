"""The system calls that a child may make: an allow list, turned into a filter once in the parent.

The child needs its socket, memory and the end of itself; all it reads from files it has read before the
filter is loaded. So there is no `open`, no `socket`, no clone of any kind, no `kill`, no way to make
memory executable, and those calls that are there are narrowed by their arguments:

- `recvfrom` and `sendto` only on descriptor 0, the socket, to nobody else than the parent, and without
  flags (those for out-of-band data have been a way into the kernel: CVE-2025-38236); not `sendmsg` and
  `recvmsg`, which carry descriptors; `write` only to descriptor 2, its last words.
- `mmap` only of anonymous memory, and neither it nor `mprotect` with `PROT_EXEC`.

Any other call fails with EPERM, so that a C library that tries something new and has a way around it
goes on. Those that no child of ours can have a reason for, such as to start a program, end it at once:
whoever got as far as to try is not given a second try.

The filter is made in the parent (by libseccomp, which looks for itself with the help of other programs)
and loaded in the child by one call of the kernel's own: the child starts faster and never holds libseccomp.
"""

import functools
import os
from typing import Any, Final

from sandbox.errors import SandboxUnavailable

#: The child's only descriptors once it is confined: the socket to its parent, and a pipe for what the
#: interpreter says when it dies.
SOCKET: Final = 0
LAST_WORDS: Final = 2

#: mmap(2), asm-generic/mman-common.h.
_PROT_EXEC: Final = 0x4
_MAP_ANONYMOUS: Final = 0x20

#: Calls that are allowed whatever their arguments.
_ALLOWED: Final = (
    "brk",
    "clock_gettime",  # where the machine's clock is not readable without a call; and the CPU time
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
    """The filter as the kernel takes it: an array of `struct sock_filter` (seccomp(2)).

    Raises `SandboxUnavailable` where libseccomp is not there or cannot make it.
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
        if number >= 0:  # else this processor's Linux does not have it, and whatever is not named is refused
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
