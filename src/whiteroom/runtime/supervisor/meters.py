"""What a run takes: processes, memory and disk, measured from outside.

Everything measured here is hostile and may change while it is looked at. Imported by the
supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH101, PTH115, PTH116, PTH208
from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KIB = 1024
_BLOCK_BYTES = 512
_ENTRY_BYTES = 1024
"""Charged for each file, folder and link besides its blocks, so that empty ones cannot exhaust the inodes."""

MAX_LEVELS = 20_000

_ENTRY_SHARE_BYTES = 16 * 1024
"""Of a volume, for each entry that it may hold: as much as file systems are made with an inode for."""
_FEWEST_ENTRIES, _MOST_ENTRIES = 250_000, 1_000_000
_LOOK_UP_EVERY = 1_000
"""Entries between two looks at whether to go on."""


def most_entries(volume_bytes: int) -> int:
    """How many files, folders and links an instance may have made at a time: inodes run out as bytes do."""
    return min(max(_FEWEST_ENTRIES, volume_bytes // _ENTRY_SHARE_BYTES), _MOST_ENTRIES)


class TooDeep(Exception):
    """Folders are nested deeper than can be measured."""


MOST_OPEN = 1_000_000
"""What processes may hold open together, so that a look at it ends within seconds. Three processes that wait, each with
as many descriptors as it may have, would else add a second to it, for nothing."""
_MAPS_BYTES = 1024
"""Of what the kernel says of a process's mappings: as dear to get as one descriptor's file."""
_DELETED = "(deleted)"
"""What a mapping of a file without a name ends with."""


class TooManyOpen(Exception):
    """Processes hold more open, or mapped, than can be measured."""


def descendants(root: int) -> list[int]:
    """`root` and every process below it that lives now."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            above = parent(int(name))
            if above is not None:
                children.setdefault(above, []).append(int(name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, [])
    return found


def parent(pid: int) -> int | None:
    """The parent of a process; None if it is gone."""
    text = _read(f"/proc/{pid}/stat")
    if text is None:
        return None
    # The name in parentheses is the program's to choose, parentheses and spaces included.
    fields = text.rpartition(")")[2].split()
    return int(fields[1])


def lives(pid: int) -> bool:
    """Whether the process is there and more than a zombie."""
    text = _read(f"/proc/{pid}/stat")
    return text is not None and text.rpartition(")")[2].split()[0] not in {"Z", "X"}


def start_time(pid: int) -> int | None:
    """When `pid` was started, in ticks since the machine was: with the pid, a process's identity."""
    text = _read(f"/proc/{pid}/stat")
    return None if text is None else int(text.rpartition(")")[2].split()[19])


def machine_memory_kills() -> int:
    """How many processes the kernel has killed since the machine was started because memory, or a group's, was full."""
    for line in (_read("/proc/vmstat") or "").splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def memory(pids: list[int], shared_folders: list[str]) -> int:
    """Bytes of memory that the processes hold and that the kernel cannot take back.

    Private memory is counted by each page's share; shared memory once, by whichever is
    larger of what is mapped and what the folders, memfds and deleted files hold, since
    what is written without being mapped shows up in no process.
    """
    private = mapped = 0
    files: dict[tuple[int, int], int] = {}
    for pid in pids:
        for line in (_read(f"/proc/{pid}/smaps_rollup") or "").splitlines():
            name, _, rest = line.partition(":")
            if name in {"Pss_Anon", "SwapPss"}:
                private += int(rest.split()[0]) * _KIB
            elif name == "Pss_Shmem":
                mapped += int(rest.split()[0]) * _KIB
        for status, path in unlinked_files(pid):
            if _link(path).startswith("/memfd:"):
                files[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK_BYTES
    held = sum(files.values()) + sum(_held(folder) for folder in shared_folders)
    return private + max(mapped, held)


def _held(folder: str) -> int:
    try:
        seen = os.statvfs(folder)
    except OSError:
        return 0
    return (seen.f_blocks - seen.f_bfree) * seen.f_frsize + (seen.f_files - seen.f_ffree) * _ENTRY_BYTES


def unlinked_files(pid: int) -> list[tuple[os.stat_result, str]]:
    """What a process holds open that has no name any more, as memfds have none: status and place, where it is seen."""
    found = []
    for name in _descriptors(pid):
        path = f"/proc/{pid}/fd/{name}"
        try:
            status = os.stat(path)
        except OSError:
            continue
        if status.st_nlink == 0:
            found.append((status, path))
    return found


def _descriptors(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def unlinked(pids: list[int], devices: frozenset[int], most_open: int = MOST_OPEN) -> int:
    """Bytes on these devices of files that are deleted and still open, or still mapped.

    Raises:
        TooManyOpen: the processes hold more than that open.
    """
    sizes: dict[tuple[int, int], int] = {}
    left = most_open
    for pid in pids:
        maps = _read(f"/proc/{pid}/maps") or ""
        left -= len(_descriptors(pid)) + len(maps) // _MAPS_BYTES + maps.count(_DELETED)
        if left < 0:
            raise TooManyOpen
        for status, _ in unlinked_files(pid):
            if status.st_dev in devices:
                sizes[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK_BYTES
        for file, span in _mapped_deleted(maps, devices):
            # Only the span is known of what is mapped alone: never less than what was written there.
            sizes.setdefault(file, span)
    return sum(sizes.values())


def _mapped_deleted(maps: str, devices: frozenset[int]) -> list[tuple[tuple[int, int], int]]:
    wanted = {f"{os.major(device):02x}:{os.minor(device):02x}": device for device in devices}
    spans: dict[tuple[int, int], int] = {}
    if _DELETED not in maps:
        return []
    for line in maps.splitlines():
        if not line.endswith(_DELETED):
            continue
        span, _, _, where, inode, _ = line.split(None, 5)
        if where in wanted:
            first, _, last = span.partition("-")
            file = wanted[where], int(inode)
            spans[file] = spans.get(file, 0) + int(last, 16) - int(first, 16)
    return list(spans.items())


def too_many(entries: int) -> str:
    """What is said of a run that has made more than that."""
    return f"It made more than {entries:,} files and folders."


class Stock:
    """What is below some folders, as far as it was counted."""

    __slots__ = ("entries", "seen", "until", "used_bytes", "whole")

    def __init__(self, until: Callable[[Stock], bool]) -> None:
        self.used_bytes = 0
        """What the files take, hard links once, plus a little for each entry."""
        self.entries = 0
        self.whole = True
        """Whether everything was counted."""
        self.until = until
        self.seen: set[tuple[int, int]] = set()

    @property
    def file_bytes(self) -> int:
        """What the files alone take."""
        return self.used_bytes - self.entries * _ENTRY_BYTES

    def add(self, status: os.stat_result) -> bool:
        """Count an entry; False where it is enough."""
        self.entries += 1
        self.used_bytes += _ENTRY_BYTES
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            known = (status.st_dev, status.st_ino) in self.seen
            self.seen.add((status.st_dev, status.st_ino))
            self.used_bytes += 0 if known else status.st_blocks * _BLOCK_BYTES
        else:
            self.used_bytes += status.st_blocks * _BLOCK_BYTES
        if self.entries % _LOOK_UP_EVERY == 0 and self.until(self):
            self.whole = False
        return self.whole


def stock(
    folders: list[str],
    files: Sequence[int] = (),
    *,
    repair: bool = False,
    until: Callable[[Stock], bool] = lambda _: False,
) -> Stock:
    """What is below these folders.

    Opens by descriptor and follows nothing, so what the program swaps meanwhile can be
    miscounted, never followed. A folder that its owner has shut, who is us, is opened again.

    Args:
        folders: where to look; they are not links themselves.
        files: descriptors of single files.
        repair: also give the owner back the right to read and pass what is there. Only
            when nothing of the run lives any more.
        until: asked every thousand entries; the look ends where it says so.

    Raises:
        TooDeep: more than `MAX_LEVELS` levels, or more than there are descriptors for.
    """
    found = Stock(until)
    for handle in files:
        found.add(os.fstat(handle))
    for folder in folders:
        if found.whole:
            _walk(folder, found, repair)
    return found


def disk(folders: list[str]) -> int:
    """Bytes that everything below these folders takes."""
    return stock(folders).used_bytes


def _walk(folder: str, found: Stock, repair: bool) -> None:
    root = _open_folder(folder, None, repair)
    if root is None:
        return
    stack: list[tuple[int, list[str]]] = [(root, [])]
    try:
        stack[0][1][:] = _look(root, found, repair)
        while stack and found.whole:
            handle, below = stack[-1]
            if not below:
                os.close(handle)
                stack.pop()
                continue
            if len(stack) > MAX_LEVELS:
                raise TooDeep
            child = _open_folder(below.pop(), handle, repair)
            if child is not None:
                stack.append((child, []))
                stack[-1][1][:] = _look(child, found, repair)
    finally:
        for handle, _ in stack:
            os.close(handle)


def _open_folder(name: str, parent: int | None, repair: bool) -> int | None:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        if repair:
            os.chmod(name, 0o755, dir_fd=parent)  # noqa: S103 - below a folder of mode 700
        return os.open(name, flags, dir_fd=parent)
    except OSError as problem:
        if problem.errno in {23, 24}:  # ENFILE, EMFILE
            raise TooDeep from None
        return _unlocked(name, parent) if problem.errno == 13 else None  # EACCES


def _unlocked(name: str, parent: int | None) -> int | None:
    """A folder that its owner, who is us, has shut: what is open in it still grows. It is opened again."""
    try:
        found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        return None
    try:
        # By what was found, whatever has that name by now.
        place = f"/proc/self/fd/{found}"
        if not stat.S_ISDIR(os.fstat(found).st_mode):
            return None
        os.chmod(place, 0o755)  # noqa: S103 - below a folder of mode 700
        return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    finally:
        os.close(found)


def _look(handle: int, found: Stock, repair: bool) -> list[str]:
    """Count the entries of one folder; the names of the folders among them."""
    folders = []
    with os.scandir(handle) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(status.st_mode):
                folders.append(entry.name)
            elif repair and stat.S_ISREG(status.st_mode) and status.st_mode & 0o7777 not in {0o644, 0o755}:
                os.chmod(entry.name, 0o755 if status.st_mode & 0o100 else 0o644, dir_fd=handle)
            if not found.add(status):
                break
    return folders


def _read(path: str) -> str | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(handle, 1 << 16):
            parts.append(part)
        return b"".join(parts).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(handle)
