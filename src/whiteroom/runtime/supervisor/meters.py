"""What a run takes: processes, memory and disk, measured from outside.

Everything measured here is hostile and may change while it is looked at. Imported by the
supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH115, PTH116, PTH208
from __future__ import annotations

import os
import stat

_KIB = 1024
_BLOCK_BYTES = 512
_ENTRY_BYTES = 1024
"""Charged for each file, folder and link besides its blocks, so that empty ones cannot exhaust the inodes."""

MAX_LEVELS = 20_000


class TooDeep(Exception):
    """Folders are nested deeper than can be measured."""


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
        for status, link in open_files(pid):
            if link.startswith("/memfd:"):
                files[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK_BYTES
    held = sum(files.values()) + sum(_held(folder) for folder in shared_folders)
    return private + max(mapped, held)


def _held(folder: str) -> int:
    try:
        seen = os.statvfs(folder)
    except OSError:
        return 0
    return (seen.f_blocks - seen.f_bfree) * seen.f_frsize + (seen.f_files - seen.f_ffree) * _ENTRY_BYTES


def open_files(pid: int) -> list[tuple[os.stat_result, str]]:
    """What a process holds open: status and name of each, as far as it can be seen."""
    found = []
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []
    for name in names:
        path = f"/proc/{pid}/fd/{name}"
        try:
            found.append((os.stat(path), os.readlink(path)))
        except OSError:
            continue
    return found


def unlinked(pids: list[int], device: int) -> int:
    """Bytes on `device` of files that are deleted and still open, or still mapped."""
    sizes: dict[int, int] = {}
    for pid in pids:
        for status, _ in open_files(pid):
            if status.st_dev == device and status.st_nlink == 0:
                sizes[status.st_ino] = status.st_blocks * _BLOCK_BYTES
        for inode, span in _mapped_deleted(pid, device):
            # Only the span is known of what is mapped alone: never less than what was written there.
            sizes.setdefault(inode, span)
    return sum(sizes.values())


def _mapped_deleted(pid: int, device: int) -> list[tuple[int, int]]:
    wanted = f"{os.major(device):02x}:{os.minor(device):02x}"
    spans: dict[int, int] = {}
    for line in (_read(f"/proc/{pid}/maps") or "").splitlines():
        if not line.endswith("(deleted)"):
            continue
        span, _, _, where, inode, _ = line.split(None, 5)
        if where == wanted:
            first, _, last = span.partition("-")
            spans[int(inode)] = spans.get(int(inode), 0) + int(last, 16) - int(first, 16)
    return list(spans.items())


def disk(folders: list[str], *, repair: bool = False) -> int:
    """Bytes that the files below these folders take, hard links once, plus a little for each entry.

    Opens by descriptor and follows nothing, so what the program swaps meanwhile can be
    miscounted, never followed.

    Args:
        folders: where to look; they are not links themselves.
        repair: also give the owner back the right to read and pass what lies there. Only
            when nothing of the run lives any more.

    Raises:
        TooDeep: more than `MAX_LEVELS` levels, or more than there are descriptors for.
    """
    seen: set[tuple[int, int]] = set()
    return sum(_walk(folder, seen, repair) for folder in folders)


def _walk(folder: str, seen: set[tuple[int, int]], repair: bool) -> int:
    total = 0
    root = _open_folder(folder, None, repair)
    if root is None:
        return 0
    stack: list[tuple[int, list[str]]] = [(root, [])]
    try:
        size, stack[0][1][:] = _look(root, seen, repair)
        total += size
        while stack:
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
                size, stack[-1][1][:] = _look(child, seen, repair)
                total += size
    finally:
        for handle, _ in stack:
            os.close(handle)
    return total


def _open_folder(name: str, parent: int | None, repair: bool) -> int | None:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        if repair:
            os.chmod(name, 0o755, dir_fd=parent)  # noqa: S103 - below a folder of mode 700
        return os.open(name, flags, dir_fd=parent)
    except OSError as problem:
        if problem.errno in {23, 24}:  # ENFILE, EMFILE
            raise TooDeep from None
        return None


def _look(handle: int, seen: set[tuple[int, int]], repair: bool) -> tuple[int, list[str]]:
    """Bytes of the entries of one folder, and the names of the folders among them."""
    total, folders = 0, []
    with os.scandir(handle) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            total += _ENTRY_BYTES
            if stat.S_ISDIR(status.st_mode):
                folders.append(entry.name)
                total += status.st_blocks * _BLOCK_BYTES
                continue
            if status.st_nlink > 1:
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
            total += status.st_blocks * _BLOCK_BYTES
            if repair and stat.S_ISREG(status.st_mode) and status.st_mode & 0o7777 not in {0o644, 0o755}:
                os.chmod(entry.name, 0o755 if status.st_mode & 0o100 else 0o644, dir_fd=handle)
    return total, folders


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
