"""The system calls that a run may not make, as a BPF program for bubblewrap's `--seccomp`.

Pure. The table below is the policy; everything that it does not name is allowed, since the
namespaces, the dropped capabilities and the read-only mounts stand behind it. What is
refused is what those do not cover: large attack surfaces of the kernel (io_uring, bpf,
userfaultfd, perf), looking into other processes, keyrings, new namespaces, memory that no
limit counts, and the 32-bit and x32 gates, which would by-pass the table.

Numbers: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import stat
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

_LOAD, _JUMP_EQUAL, _JUMP_ANY_BIT, _JUMP_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_X32_BIT = 0x40000000

# Offsets in struct seccomp_data; arguments are 64 bits wide, little end first on both machines.
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

CLONE_NEW_ANY = 0x7E020000 | 0x00000080
"""Every CLONE_NEW* flag, CLONE_NEWTIME included."""


class UnsupportedMachine(Exception):
    """There is no table for this processor."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What differs between processors."""

    audit_architecture: int
    column: int
    has_x32: bool = False


MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(0xC000003E, 0, has_x32=True),
    "aarch64": Machine(0xC00000B7, 1),
}

_NONE = None

REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    # Interfaces that by-pass this filter, or that are large and privileged.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18),
    "modify_ldt": (154, _NONE),
    # Other processes, bubblewrap's own among them.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # The keyring is not in any namespace.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Mounts and namespaces.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # The machine itself.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "iopl": (172, _NONE),
    "ioperm": (173, _NONE),
    "uselib": (134, _NONE),
    "ustat": (136, _NONE),
    "sysfs": (139, _NONE),
    "nfsservctl": (180, 42),
}
"""Answered with EPERM."""

ABSENT: Mapping[str, tuple[int | None, int | None]] = {
    # Flags in memory, which no filter can read. The C libraries fall back to clone and openat.
    "clone3": (435, 435),
    "openat2": (437, 437),
    # Memory and queues that outlive their process and that no limit of the tree counts.
    "shmget": (29, 194),
    "msgget": (68, 186),
    "memfd_secret": (447, 447),
}
"""Answered with ENOSYS, so that callers take their other way."""

_SOCKET = (41, 198)
_SOCKETPAIR = (53, 199)
_CLONE = (56, 220)
_UNSHARE = (272, 97)
_PERSONALITY = (135, 92)
_IOCTL = (16, 29)
_MKNOD = (133, None)
_MKNODAT = (259, 33)
_CHMOD = (90, None)
_FCHMOD = (91, 52)
_FCHMODAT = (268, 53)
_FCHMODAT2 = (452, 452)
_OPEN = (2, None)
_CREAT = (85, None)
_OPENAT = (257, 56)

_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK, _NETLINK_ROUTE = 1, 2, 10, 16, 0
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_QUERY_PERSONALITY = 0xFFFFFFFF

Instruction = tuple[int, int, int, int]


def program(machine: str) -> bytes:
    """The filter for `machine` (as `os.uname().machine` names it).

    Raises:
        UnsupportedMachine: there is no table for it.
    """
    known = MACHINES.get(machine)
    if known is None:
        raise UnsupportedMachine(
            f"There is no system call filter for {machine} processors; use one of {', '.join(MACHINES)}."
        )
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_EQUAL, 1, 0, known.audit_architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if known.has_x32:
        code += [(_JUMP_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]
    for numbers, judge in _conditional():
        number = numbers[known.column]
        if number is not None:
            code += _when(number, judge())
    for table, answer in ((REFUSED, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for numbers in table.values():
            number = numbers[known.column]
            if number is not None:
                code += _when(number, [(_RETURN, 0, 0, _ERRNO | answer)])
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _conditional() -> list[tuple[tuple[int | None, int | None], Callable[[], list[Instruction]]]]:
    """Calls that are judged by their arguments: numbers, and what judges them."""
    return [
        (_SOCKET, _judge_socket),
        (_SOCKETPAIR, lambda: _only(0, (_AF_UNIX,), errno.EAFNOSUPPORT)),
        (_CLONE, lambda: _without(0, CLONE_NEW_ANY)),
        (_UNSHARE, lambda: _without(0, CLONE_NEW_ANY)),
        (_PERSONALITY, lambda: _only(0, (0, _QUERY_PERSONALITY), errno.EPERM)),
        (_IOCTL, lambda: _none_of(1, (_TIOCSTI, _TIOCLINUX))),
        # Devices, and the white-outs (character device 0:0) that need no privilege.
        (_MKNOD, lambda: _judge_node(1)),
        (_MKNODAT, lambda: _judge_node(2)),
        # Set-uid files would run as the server's user for anyone who reaches the run's folder.
        (_CHMOD, lambda: _without(1, stat.S_ISUID | stat.S_ISGID)),
        (_FCHMOD, lambda: _without(1, stat.S_ISUID | stat.S_ISGID)),
        (_FCHMODAT, lambda: _without(2, stat.S_ISUID | stat.S_ISGID)),
        (_FCHMODAT2, lambda: _without(2, stat.S_ISUID | stat.S_ISGID)),
        (_CREAT, lambda: _without(1, stat.S_ISUID | stat.S_ISGID)),
        (_OPEN, lambda: _judge_open(1, 2)),
        (_OPENAT, lambda: _judge_open(2, 3)),
    ]


def _when(number: int, body: list[Instruction]) -> list[Instruction]:
    """Run `body`, which always returns, if the loaded call number is `number`."""
    return [(_JUMP_EQUAL, 0, len(body), number), *body]


def _argument(index: int) -> Instruction:
    # The kernel reads int arguments from the low half, so that is the half to judge.
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)


def _refuse(answer: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | answer)


def _only(index: int, values: tuple[int, ...], answer: int) -> list[Instruction]:
    body = [_argument(index)]
    for position, value in enumerate(values):
        body.append((_JUMP_EQUAL, len(values) - position, 0, value))
    return [*body, _refuse(answer), (_RETURN, 0, 0, _ALLOW)]


def _none_of(index: int, values: tuple[int, ...]) -> list[Instruction]:
    body = [_argument(index)]
    for position, value in enumerate(values):
        body.append((_JUMP_EQUAL, len(values) - position, 0, value))
    return [*body, (_RETURN, 0, 0, _ALLOW), _refuse(errno.EPERM)]


def _without(index: int, bits: int) -> list[Instruction]:
    return [_argument(index), (_JUMP_ANY_BIT, 0, 1, bits), _refuse(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]


def _judge_node(index: int) -> list[Instruction]:
    return [
        _argument(index),
        (_AND, 0, 0, 0o170000),
        (_JUMP_EQUAL, 2, 0, stat.S_IFCHR),
        (_JUMP_EQUAL, 1, 0, stat.S_IFBLK),
        (_RETURN, 0, 0, _ALLOW),
        _refuse(errno.EPERM),
    ]


def _judge_open(flags_index: int, mode_index: int) -> list[Instruction]:
    """Set-uid and set-gid bits of a file that is created. Without O_CREAT or O_TMPFILE the mode is noise."""
    creates = 0o100 | 0o20000000
    return [
        _argument(flags_index),
        (_JUMP_ANY_BIT, 1, 0, creates),
        (_RETURN, 0, 0, _ALLOW),
        *_without(mode_index, stat.S_ISUID | stat.S_ISGID),
    ]


def _judge_socket() -> list[Instruction]:
    """AF_UNIX, AF_INET and AF_INET6; AF_NETLINK with NETLINK_ROUTE alone, which getifaddrs needs."""
    return [
        _argument(0),
        (_JUMP_EQUAL, 5, 0, _AF_UNIX),
        (_JUMP_EQUAL, 4, 0, _AF_INET),
        (_JUMP_EQUAL, 3, 0, _AF_INET6),
        (_JUMP_EQUAL, 0, 3, _AF_NETLINK),
        _argument(2),
        (_JUMP_EQUAL, 0, 1, _NETLINK_ROUTE),
        (_RETURN, 0, 0, _ALLOW),
        _refuse(errno.EAFNOSUPPORT),
    ]
