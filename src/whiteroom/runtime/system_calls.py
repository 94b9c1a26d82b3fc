"""The system calls that a program may not make, as data: one table for the sandbox's filter and for a container's.

Everything that the table does not name is allowed in the sandbox (sandbox/seccomp.py), since the namespaces, the
dropped capabilities and the read-only mounts are behind it. What is refused is what those do not cover: large attack
surfaces of the kernel (io_uring, bpf, userfaultfd, perf), looking into other processes, keyrings, new namespaces,
memory that no limit counts, and the 32-bit and x32 gates, which would by-pass the table. A container engine takes a
profile in its default's place: there (docker/seccomp.py) it is what the defaults allow, less what this table refuses.

Numbers: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Test:
    """Whether an argument, the bits of `mask` alone, is `value`."""

    argument: int
    mask: int
    value: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A call that is judged by its arguments: allowed if all tests of one alternative hold."""

    numbers: tuple[int | None, int | None]
    alternatives: tuple[tuple[Test, ...], ...]
    answer: int = errno.EPERM


# The kernel reads int arguments from the low half, so that is the half to judge.
_ALL_BITS = 0xFFFFFFFF
_SET_ID = stat.S_ISUID | stat.S_ISGID
_CREATES = 0o100 | 0o20000000
"""O_CREAT and O_TMPFILE. Without them the mode of an open is noise."""
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK, _NETLINK_ROUTE = 1, 2, 10, 16, 0
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_QUERY_PERSONALITY = 0xFFFFFFFF


def _only(argument: int, *values: int, mask: int = _ALL_BITS) -> tuple[tuple[Test, ...], ...]:
    return tuple((Test(argument, mask, value),) for value in values)


def _without(argument: int, bits: int) -> tuple[tuple[Test, ...], ...]:
    return _only(argument, 0, mask=bits)


def _all_but(argument: int, refused: Sequence[int]) -> tuple[tuple[Test, ...], ...]:
    """Every other value, as the leading bits in which it differs: libseccomp has no rule of two inequalities."""
    return tuple((Test(argument, mask, value),) for mask, value in _prefixes(refused, 0, 0, 1 << 31))


def _prefixes(refused: Iterable[int], mask: int, value: int, bit: int) -> Iterator[tuple[int, int]]:
    if not bit:
        return
    for branch in (bit, 0):
        below = [number for number in refused if number & bit == branch]
        if below:
            yield from _prefixes(below, mask | bit, value | branch, bit >> 1)
        else:
            yield mask | bit, value | branch


_NODES = _only(1, 0, stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK, mask=0o170000)
_NODES_AT = _only(2, 0, stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK, mask=0o170000)

JUDGED: Mapping[str, Judged] = {
    # AF_NETLINK with NETLINK_ROUTE alone, which getifaddrs needs.
    "socket": Judged(
        (41, 198),
        (
            *_only(0, _AF_UNIX, _AF_INET, _AF_INET6),
            (Test(0, _ALL_BITS, _AF_NETLINK), Test(2, _ALL_BITS, _NETLINK_ROUTE)),
        ),
        errno.EAFNOSUPPORT,
    ),
    "socketpair": Judged((53, 199), _only(0, _AF_UNIX), errno.EAFNOSUPPORT),
    "clone": Judged((56, 220), _without(0, CLONE_NEW_ANY)),
    "unshare": Judged((272, 97), _without(0, CLONE_NEW_ANY)),
    "personality": Judged((135, 92), _only(0, 0, _QUERY_PERSONALITY)),
    # Words put into somebody's terminal.
    "ioctl": Judged((16, 29), _all_but(1, (_TIOCSTI, _TIOCLINUX))),
    # Devices, and the white-outs (character device 0:0) that need no privilege.
    "mknod": Judged((133, None), _NODES),
    "mknodat": Judged((259, 33), _NODES_AT),
    # Set-uid files would run as the server's user for anyone who reaches the run's folder.
    "chmod": Judged((90, None), _without(1, _SET_ID)),
    "fchmod": Judged((91, 52), _without(1, _SET_ID)),
    "fchmodat": Judged((268, 53), _without(2, _SET_ID)),
    "fchmodat2": Judged((452, 452), _without(2, _SET_ID)),
    "creat": Judged((85, None), _without(1, _SET_ID)),
    "open": Judged((2, None), (*_without(1, _CREATES), *_without(2, _SET_ID))),
    "openat": Judged((257, 56), (*_without(2, _CREATES), *_without(3, _SET_ID))),
}
"""Refused, with `answer`, unless an alternative holds."""
