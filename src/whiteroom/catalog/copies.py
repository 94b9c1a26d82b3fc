"""Where copies of tables' files are kept that engines cannot read directly: private, in a folder for each table."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEW = ".new-"


class CopiesFolder:
    """A folder for the copies of all tables of a catalog. It need not be there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, account_id: str, database: str, table: str) -> Path:
        """The folder for one table's, which need not be there."""
        return self._folder / account_id / database / table

    @contextmanager
    def new(self) -> Iterator[Path]:
        """A folder for the copies of a table that is looked at: gone at the end unless it was kept."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()
        # Under another name until it is locked: nobody is to take it for one that was left.
        unlocked = self._folder / f".{secrets.token_hex(8)}"
        new = self._folder / f"{_NEW}{unlocked.name[1:]}"
        unlocked.mkdir(mode=0o700)
        handle = os.open(unlocked, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            unlocked.rename(new)
            yield new
        finally:
            shutil.rmtree(new, ignore_errors=True)
            os.close(handle)

    def keep(self, new: Path, account_id: str, database: str, table: str) -> None:
        """Put a table's new copies in the place of those that it has; they can be made again at any time."""
        place = self.of(account_id, database, table)
        self.remove(account_id, database, table)
        if any(new.iterdir()):
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new.rename(place)

    def remove(self, account_id: str, database: str, table: str) -> None:
        """Remove a table's copies, if it has any."""
        shutil.rmtree(self.of(account_id, database, table), ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what processes left that died while they looked at a table."""
        for left in self._folder.glob(f"{_NEW}*"):
            try:
                handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            except BlockingIOError:
                continue
            finally:
                os.close(handle)
