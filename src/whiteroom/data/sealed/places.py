"""Opening data that is sealed: where its opened bytes may be, and that nothing of before is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from whiteroom.base.locations import SHELF
from whiteroom.data.s3.cache import InUse
from whiteroom.data.s3.data import CACHE
from whiteroom.data.s3.objects import Objects
from whiteroom.data.s3.places import AnotherPlace, Choice, ServerData, open_place
from whiteroom.data.s3.seals import Seal
from whiteroom.data.s3.sweeping import Sweeper
from whiteroom.data.sealed.data import Caretaker, SealedData
from whiteroom.data.sealed.memory import BEGUN, NotPrivate, memory_folder, open_memory
from whiteroom.data.sealed.shelf import Shelf
from whiteroom.domain.execution.runs import RunId

_UNDER_WAY: Final = ("runs", "containers", "queries", "syntheses", "originals", CACHE)
"""Folders in a server's that hold what work under way has in plain text, where files are not sealed."""


class SealedChoice(Choice, Protocol):
    """What the settings say of data that is sealed."""

    @property
    def memory_folder(self) -> str:
        """Where opened bytes are; empty for the default."""


def open_sealed(choice: SealedChoice, in_use: InUse | None, seal: Seal) -> ServerData:
    """As `open_place`, of data whose files are sealed by `seal`.

    Raises:
        AnotherPlace: as `open_place`; opened bytes would not stay in memory, or work under way has some on the disk.
    """
    memory = memory_folder(choice.memory_folder, choice.data)
    if in_use is not None:
        try:
            open_memory(memory)
        except NotPrivate as error:
            raise AnotherPlace(str(error)) from None
        _require_own(memory, choice.data)
        _require_rest(choice.data)
    data = open_place(choice, in_use, partial(_opened, choice, in_use, seal, memory))
    if in_use is not None and isinstance(data, SealedData):
        Caretaker(data).start()
        if not choice.data_location:
            Sweeper(data).start()
    return data


def tell_lost(memory: Path, root: Path, under_way: Callable[[], Iterator[RunId]]) -> None:
    """After a start of the machine, have each run that was under way look like one that died before it began.

    It is tried again then (decision 0023). Safe to repeat.
    """
    if (memory / BEGUN).exists():
        return
    for run_id in under_way():
        if not any((memory / folder / run_id).exists() for folder in ("runs", "containers")):
            (memory / "runs").mkdir(mode=0o700, exist_ok=True)
            (memory / "runs" / run_id).mkdir(mode=0o700)
    draft = memory / f".{BEGUN}"
    draft.write_text(_name(root), encoding="utf-8")
    draft.replace(memory / BEGUN)


def _opened(choice: SealedChoice, in_use: InUse | None, seal: Seal, memory: Path, bucket: Objects | None) -> SealedData:
    objects = bucket or Shelf(choice.data / SHELF)
    return SealedData(choice.data, objects, seal, memory, choice.cache_bytes, in_use, adopts=bucket is None)


def _name(root: Path) -> str:
    """Of a data folder, however it was named to this server."""
    return str(root.absolute().resolve())


def _require_own(memory: Path, root: Path) -> None:
    """Refuse what another server's opened bytes are in: a restored folder's settings name the same."""
    with suppress(FileNotFoundError):
        other = (memory / BEGUN).read_text(encoding="utf-8")
        if other != _name(root):
            raise AnotherPlace(
                f"In {memory} lies what the server in {other} has open: name another folder by memory_folder. Where "
                "that server runs no more, and nothing of it is under way, empty the folder instead."
            )


def _require_rest(root: Path) -> None:
    """Refuse a folder in which work under way, or the cache, has bytes in plain text.

    Empty folders are what a restore has left of runs (`tell_lost` has them again).
    """
    for name in _UNDER_WAY:
        for folder in (root / name).glob("*"):
            with suppress(OSError):
                folder.rmdir()
        if any((root / name).glob("*")):
            raise AnotherPlace(
                f"Work that was begun with plain files has some in {root / name}: start the server with files = "
                f'"plain" until that is empty, then set files to "sealed".{_OF_CACHE if name == CACHE else ""}'
            )


_OF_CACHE: Final = (
    " Where the data is in S3, the folder is a cache of it: once no training, query or job is under way, stop the "
    "server and remove the folder."
)
