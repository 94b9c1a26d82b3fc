"""Namespaces, mounts and users of a run: the Linux calls that Python 3.11 does not have.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH102, PTH112
from __future__ import annotations

import ctypes
import os
import struct

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
_MS_BIND, _MS_REC, _MS_SLAVE = 4096, 16384, 1 << 19
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_DUMPABLE = 1, 36, 4
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_KEYCTL_JOIN_SESSION_KEYRING = 1
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_AF_INET, _SOCK_DGRAM = 2, 2
_NS_GET_USERNS = 0xB701
_SIGKILL = 9

# Any folder that every user may pass: in the run's own mount namespace it becomes the stage.
_STAGES = ("/mnt", "/media", "/srv", "/opt", "/tmp")  # noqa: S108

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter_own_network() -> None:
    """Move this process into a network of its own, in which only the loopback is up.

    As root that is a network namespace. Any other user first takes a user namespace in
    which it is itself; its children see that network, and none of them holds a privilege
    over it. The process must have one thread.

    Raises:
        OSError: the kernel, or the container around us, forbids it.
    """
    if os.geteuid() == 0:
        _check(_libc.unshare(_CLONE_NEWNET), "a network namespace")
    else:
        uid, gid = os.getuid(), os.getgid()
        _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET), "a user and network namespace")
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    _raise_loopback()


def join_network(pid: int) -> None:
    """Move this process into the network of another; a user that is not root first into the namespace of its owner.

    The process must have one thread. It is no longer killed with its parent (`die_with_parent`).

    Raises:
        OSError: it is gone, or is not ours to join.
    """
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.geteuid() != 0:
            owner = _libc.ioctl(network, _NS_GET_USERNS)
            _check(owner, "finding the owner of a network")
            try:
                _check(_libc.setns(owner, _CLONE_NEWUSER), "joining the owner of a network")
            finally:
                os.close(owner)
        _check(_libc.setns(network, _CLONE_NEWNET), "joining a network")
    finally:
        os.close(network)


def _raise_loopback() -> None:
    control = _libc.socket(_AF_INET, _SOCK_DGRAM, 0)
    _check(control, "a socket for the loopback")
    try:
        request = ctypes.create_string_buffer(struct.pack("16sh14x", b"lo", 0), 40)
        _check(_libc.ioctl(control, _SIOCGIFFLAGS, request), "the loopback's flags")
        (flags,) = struct.unpack_from("h", request.raw, 16)
        struct.pack_into("h", request, 16, flags | _IFF_UP)
        _check(_libc.ioctl(control, _SIOCSIFFLAGS, request), "raising the loopback")
    finally:
        os.close(control)


def leave_keyring() -> None:
    """Take a new, empty session keyring; the one we were started with is not the program's to see."""
    number = _KEYCTL.get(os.uname().machine)
    if number is not None:
        # A kernel without keyrings has none to leak.
        _libc.syscall(ctypes.c_long(number), ctypes.c_long(_KEYCTL_JOIN_SESSION_KEYRING), None)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none is out of reach."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "becoming the reaper")


def die_with_parent(parent: int) -> None:
    """Have this process killed when `parent` dies; at once if it is dead already."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0), "dying with the parent")
    if os.getppid() != parent:
        os.kill(os.getpid(), _SIGKILL)


def become(uid: int) -> None:
    """Give up root for a user that owns nothing."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def enter_own_mounts() -> None:
    """Move this process into a mount namespace of its own; a user that is not root is in a user namespace already.

    Raises:
        OSError: the kernel, or the container around us, forbids it.
    """
    _check(_libc.unshare(_CLONE_NEWNS), "a mount namespace")
    _mount(None, "/", None, _MS_REC | _MS_SLAVE, None)


def mount_lent(place: str, device: str) -> int:
    """Mount a folder that a process of ours serves, read-only.

    Returns:
        The device, open, at which it is served.

    Raises:
        OSError: the kernel, or the container around us, forbids it.
    """
    handle = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    owner = f"user_id={os.getuid()},group_id={os.getgid()}"
    # The program is another user where this process is root.
    options = f"fd={handle},rootmode=40000,{owner},allow_other"
    _mount("whiteroom", place, "fuse", _MS_RDONLY | _MS_NOSUID | _MS_NODEV, options)
    return handle


def stage(sources: list[str]) -> list[str]:
    """Show folders to a user that may not pass the folders above them; root only.

    In a mount namespace of this process's own, each source appears under a folder that
    everyone may pass, whatever the modes on the way to it. Nothing changes outside.

    Args:
        sources: folders of this machine.

    Returns:
        Where each is now, in the same order.
    """
    enter_own_mounts()
    # Opened before the stage hides anything, and in the new namespace: the kernel binds
    # only what is in the caller's own.
    handles = [os.open(source, os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY) for source in sources]
    root = next(folder for folder in _STAGES if os.path.isdir(folder))
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=1m,nr_inodes=4k")
    places = []
    for number, handle in enumerate(handles):
        place = f"{root}/{number}"
        os.mkdir(place, 0o755)
        _mount(f"/proc/self/fd/{handle}", place, None, _MS_BIND | _MS_REC, None)
        os.close(handle)
        places.append(place)
    return places


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None) -> None:
    def encoded(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    result = _libc.mount(encoded(source), encoded(target), encoded(kind), ctypes.c_ulong(flags), encoded(options))
    _check(result, f"mounting on {target}")


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
