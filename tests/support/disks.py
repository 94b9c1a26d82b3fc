"""A small file system of its own, which can be filled and made read-only: what a hospital's volume does one day.

Mounting takes root, which CI is.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root, which mounts file systems")
BLOCK_BYTES = 4096


@dataclass(frozen=True)
class Disk:
    """A mounted tmpfs."""

    path: Path

    @property
    def _ballast(self) -> Path:
        return self.path / ".ballast"

    @property
    def free_bytes(self) -> int:
        """What can still be written."""
        facts = os.statvfs(self.path)
        return facts.f_bavail * facts.f_frsize

    def fill(self) -> None:
        """Leave not a single block free."""
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(b"x" * BLOCK_BYTES):
                continue
        assert self.free_bytes == 0

    def leave(self, megabytes: int) -> None:
        """Free so much of what `fill` took."""
        os.truncate(self._ballast, self._ballast.stat().st_size - megabytes * 2**20)

    def make_room(self) -> None:
        """Free again what `fill` took."""
        self._ballast.unlink()

    def read_only(self) -> None:
        """As a kernel does with a file system that it no longer trusts, files open for writing or not."""
        self._remount("ro")

    def writable(self) -> None:
        """Mended."""
        self._remount("rw")

    def _remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.path)], check=True)


@contextmanager
def small_disk(path: Path, megabytes: int, files: int = 0) -> Iterator[Disk]:
    """A disk at `path`, gone with whatever is on it when this is left."""
    path.mkdir()
    options = f"size={megabytes}m,mode=700" + (f",nr_inodes={files}" if files else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
