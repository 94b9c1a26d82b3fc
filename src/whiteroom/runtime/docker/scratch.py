"""A container's scratch layer: what its program writes beside its own folders, in the engine's writable layer.

The layer is watched like every other folder of the run, so it has to be one that this process can look into: the upper
folder of an overlay mount. It goes with the container. Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH112, PTH116, PTH123
from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OF_THE_SYSTEM = frozenset(
    ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "boot", "proc", "sys", "dev", "run", "tmp")
)
"""Below the root: the image's system, or no part of the layer."""
_OF_THE_KERNEL = frozenset(
    (b"proc", b"sysfs", b"devtmpfs", b"devpts", b"mqueue", b"cgroup", b"cgroup2", b"securityfs", b"debugfs")
)
_LEVELS, _LEVELS_BELOW = 2, {"etc": 1, "var": 3}
_MOST_FOLDERS = 500
MOST_BYTES = 64 << 20
MOST_ENTRIES = 200
"""Of what is given away with all in it: the kernel copies each file, and waits for the disk each time."""


class Layer:
    """Where what a container's program writes beside its own folders is on this machine."""

    __slots__ = ("devices", "files", "folder")

    def __init__(self, folder: str, devices: tuple[int, ...], files: tuple[int, ...]) -> None:
        self.folder = folder
        self.devices = devices
        """What its files are on, and what the program sees them on."""
        self.files = files
        """Descriptors of files of the engine's own that it may write to, such as /etc/hosts."""

    def close(self) -> None:
        """Let go of them."""
        for handle in self.files:
            os.close(handle)


def layer_of(pid: int, mounts: Sequence[tuple[str, str, bool]]) -> Layer | None:
    """The layer of a container; None where not all that is written there could be watched.

    Args:
        pid: the container's first process.
        mounts: source on this machine, target in the container, whether it may be written to. Where the first source
            is not at its target, the process is not in the container.
    """
    source, target, _ = mounts[0]
    files: list[int] = []
    try:
        if not os.path.samestat(os.stat(f"/proc/{pid}/root{target}"), os.stat(source)):
            return None
        with open(f"/proc/{pid}/mountinfo", "rb") as file:
            known = file.read()
        folder = upper_folder(known)
        if folder is None or not os.path.isdir(folder) or not os.access(folder, os.R_OK | os.X_OK):
            return None
        for place in others(known, {place for _, place, _ in mounts}):
            handle = os.open(f"/proc/{pid}/root{place}", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
            files.append(handle)
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                raise NotADirectoryError(place)
        devices = tuple(os.stat(place).st_dev for place in (folder, f"/proc/{pid}/root"))
        layer = Layer(folder, devices, tuple(files))
        files = []
    except OSError:
        return None
    finally:
        for handle in files:
            os.close(handle)
    return layer


def upper_folder(mounts: bytes) -> str | None:
    """Where the overlay at `/` keeps what is written, in the words of /proc/PID/mountinfo."""
    found = None
    for place, _, _, kind, options in _mounts(mounts):
        if place == "/":
            uppers = [option[9:] for option in options if option.startswith(b"upperdir=")]
            found = _plain(uppers[0]) if kind == b"overlay" and uppers else None
    return found


def others(mounts: bytes, own: Collection[str]) -> list[str]:
    """Where something else of this machine is mounted that can be written to, and is not the kernel's alone."""
    return [
        place
        for place, root, flags, kind, _ in _mounts(mounts)
        if place not in {"/", *own}
        and b"rw" in flags
        and kind not in _OF_THE_KERNEL
        # One of its own is memory, and counts as that.
        and not (kind == b"tmpfs" and root == b"/")
    ]


def _mounts(text: bytes) -> Iterator[tuple[str, bytes, list[bytes], bytes, list[bytes]]]:
    """Place, the folder of its file system that is there, flags, kind and options of each mount."""
    for line in text.splitlines():
        mounted, _, system = line.partition(b" - ")
        fields, (kind, _, options) = mounted.split(b" "), system.split(b" ", 2)
        yield _plain(fields[4]), fields[3], fields[5].split(b","), kind, options.split(b",")


def _plain(text: bytes) -> str:
    """Commas, blanks and the like are written in octal."""
    return os.fsdecode(text.decode("unicode_escape").encode("latin-1"))


def hand_over(pid: int, uid: int | None, places: Sequence[str]) -> list[str]:
    """Make a container's folders its user's, so that it may write there as root could.

    Folders of two levels are, one of /etc and three of /var, but for the system's; and `places`, with all in them. The
    program waits meanwhile, its image's shell runs: nothing is followed, and nothing is touched outside of the layer.

    Args:
        pid: the container's first process.
        uid: its user; None where it owns them, and may have no right to write all the same.
        places: folders of the container.

    Returns:
        Those of `places` that hold too much, and are given away without what is in them.
    """
    root = os.open(f"/proc/{pid}/root", _FOLDER & ~os.O_NOFOLLOW)
    try:
        device = os.fstat(root).st_dev
        _hand_over_folders(root, device, uid)
        large = [place for place in places if not _hand_over_tree(root, place.strip("/").split("/"), device, uid)]
        return [] if uid is None else large
    finally:
        os.close(root)


def _hand_over_folders(root: int, device: int, uid: int | None) -> None:
    level: list[tuple[str, ...]] = [()]
    left = _MOST_FOLDERS
    for depth in range(max(_LEVELS_BELOW.values()) + 1):
        below: list[tuple[str, ...]] = []
        for parts in level[:left]:
            handle = _open(root, parts, device)
            if handle is None:
                continue
            try:
                _own(handle, uid)
                if depth < (_LEVELS_BELOW.get(parts[0], _LEVELS) if parts else 1):
                    below += [(*parts, name) for name in _folders_in(handle) if parts or name not in _OF_THE_SYSTEM]
            finally:
                os.close(handle)
        left -= min(left, len(level))
        level = below


def _folders_in(handle: int) -> list[str]:
    with os.scandir(handle) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def _hand_over_tree(root: int, parts: Sequence[str], device: int, uid: int | None) -> bool:
    """Give away a folder with all that is in it; False, and it is given alone, where that is too much."""
    handle = _open(root, parts, device)
    if handle is None:
        return True
    try:
        _own(handle, uid)
        if not _is_small(handle, device):
            return False
        for _, folders, files, at in os.fwalk(".", dir_fd=handle):
            folders[:] = _in_layer(folders, at, device)
            _own(at, uid)
            if uid is not None:
                for name in files:
                    os.chown(name, uid, uid, dir_fd=at, follow_symlinks=False)
    except (OSError, RecursionError):
        return False
    finally:
        os.close(handle)
    return True


def _is_small(handle: int, device: int) -> bool:
    entries = size_bytes = 0
    for _, folders, files, at in os.fwalk(".", dir_fd=handle):
        folders[:] = _in_layer(folders, at, device)
        entries += len(folders) + len(files)
        if entries > MOST_ENTRIES:
            return False
        size_bytes += sum(os.stat(name, dir_fd=at, follow_symlinks=False).st_size for name in files)
        if size_bytes > MOST_BYTES:
            return False
    return True


def _in_layer(folders: list[str], at: int, device: int) -> list[str]:
    """Those that nothing is mounted on: all folders of an overlay have its device."""
    return [name for name in folders if os.stat(name, dir_fd=at, follow_symlinks=False).st_dev == device]


def _open(root: int, parts: Sequence[str], device: int) -> int | None:
    """A folder of the layer, by its way from the root; None where it is no such thing."""
    handle = os.dup(root)
    for name in parts:
        try:
            below = os.open(name, _FOLDER, dir_fd=handle)
        except OSError:
            return None
        finally:
            os.close(handle)
        handle = below
    if os.fstat(handle).st_dev == device:
        return handle
    os.close(handle)
    return None


def _own(handle: int, uid: int | None) -> None:
    if uid is not None:
        os.fchown(handle, uid, uid)
    status = os.fstat(handle)
    if status.st_mode & 0o700 != 0o700 and os.geteuid() in {0, status.st_uid}:
        os.fchmod(handle, stat.S_IMODE(status.st_mode) | 0o700)
