"""Data whose kept objects are sealed: in a folder of this machine, or in S3. What is open is in memory alone.

sealed/manifests/KIND/ID    what is kept under an id, with its wrapped key: written last, erased first
sealed/objects/KIND/ID/...  sealed bytes of files

What an earlier server has left in plain text in the data folder is sealed when it is first used, and all of it by and
by.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Final

from whiteroom.base.machine_errors import Trouble, machine_error_of
from whiteroom.base.trees import remove_tree
from whiteroom.data.folder import FolderData
from whiteroom.data.s3.cache import Cache, InUse
from whiteroom.data.s3.data import MANIFESTS, OUTLIVING, S3Data
from whiteroom.data.s3.manifests import OBJECTS, slug
from whiteroom.data.s3.objects import Objects
from whiteroom.data.s3.seals import Seal, is_sealed
from whiteroom.data.sealed.memory import open_memory
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.ports.data import Archive, UnsafeContents
from whiteroom.ports.keys import KeyRefused

log = logging.getLogger(__name__)

EMPTIED_EVERY_SECONDS: Final = 30.0


class SealedData(S3Data):
    """Implements `ports.Data` and `ports.LocalData`."""

    def __init__(
        self,
        root: Path,
        objects: Objects,
        seal: Seal,
        memory: Path,
        cache_bytes: int,
        in_use: InUse | None = None,
        *,
        adopts: bool,
        prepare: Callable[[Path], object] = open_memory,
    ) -> None:
        """Keep data in sealed objects.

        Args:
            root: the server's data folder.
            objects: take what is kept.
            seal: seals it.
            memory: a private folder in memory (memory.py).
            cache_bytes: as much of what is kept may be open in it; less, where it takes less.
            in_use: the ids of what must stay in it; None where nothing may be emptied.
            adopts: whether plain data in the data folder is its own, and is to be sealed.
            prepare: makes the folder in memory where it is missing.
        """
        super().__init__(root, objects, cache_bytes, in_use, seal, memory)
        self.cache = Cache(
            memory / "state",
            self._path,
            cache_bytes,
            in_use,
            may_idle=False,
            prepare=partial(prepare, memory),
        )
        self._earlier = FolderData(root) if adopts else None

    def held(self, kind: DataKind) -> Sequence[str]:
        """See `ports.Data.held`."""
        found = super().held(kind)
        return sorted({*found, *self._plain(kind)})

    def list(self, ref: DataRef) -> Sequence[str]:
        """See `ports.Data.list`."""
        self._adopt(ref)
        return super().list(ref)

    def pack(
        self,
        parts: Mapping[str, DataRef],
        target: DataRef,
        limit_bytes: int | None,
        until: float = inf,
        links: str | None = None,
    ) -> Archive:
        """See `ports.Data.pack`."""
        self._adopt(target)
        return super().pack(parts, target, limit_bytes, until, links)

    def archive(self, ref: DataRef) -> Archive | None:
        """See `ports.Data.archive`."""
        self._adopt(ref)
        return super().archive(ref)

    def keep(self, ref: DataRef) -> bool:
        """See `ports.Data.keep`."""
        self._adopt(ref)
        return super().keep(ref)

    def bring(self, ref: DataRef) -> bool:
        """See `ports.Data.bring`. Its key must be had, even where it is open already."""
        self._adopt(ref)
        return super().bring(ref)

    def erase(self, ref: DataRef) -> None:
        """See `ports.Data.erase`. First what is in plain text: else it could be sealed once all that was is gone."""
        if self._earlier is not None and ref.kind in OUTLIVING:
            with self.cache.locked(ref):
                self._earlier.erase(ref)
        super().erase(ref)

    def unsealed(self) -> Sequence[DataRef]:
        """What is kept in plain text still."""
        kept = [
            DataRef(kind, record_id)
            for kind in DataKind
            if kind in OUTLIVING
            for record_id in self.bucket.names(f"{MANIFESTS}{slug(kind)}/")
            if (found := self.bucket.read(f"{MANIFESTS}{slug(kind)}/{record_id}")) and not is_sealed(found[0])
        ]
        return (*(DataRef(kind, record_id) for kind in DataKind for record_id in self._plain(kind)), *kept)

    def lying_at(self, ref: DataRef) -> Sequence[Path]:
        """The files and folders in the data folder that have all that is kept under an id, the manifest first."""
        own = f"{slug(ref.kind)}/{ref.id}"
        kept = [Path(self.bucket.shown(f"{top}{own}")) for top in (MANIFESTS, OBJECTS)]
        plain = [] if self._earlier is None else [Path(self._earlier.path(DataRef(ref.kind, ref.id)))]
        return [path for path in (*kept, *plain) if path.exists()]

    def adopt_all(self) -> None:
        """Seal what is in plain text in the data folder; what cannot be sealed now stays, and the log says why."""
        for kind in DataKind:
            for record_id in self._plain(kind):
                try:
                    self._adopt(DataRef(kind, record_id))
                except (KeyRefused, OSError, Trouble, UnsafeContents) as error:
                    log.error("%s %s stays in plain text: %s", kind, record_id, machine_error_of(error) or error)  # noqa: TRY400 - a sentence says it

    def _plain(self, kind: DataKind) -> Sequence[str]:
        """Ids of what is in plain text in the data folder."""
        return () if self._earlier is None or kind not in OUTLIVING else self._earlier.held(kind)

    def _adopt(self, ref: DataRef) -> None:
        """Seal what an earlier server has left of that id; safe to repeat, whatever moment it is cut short at."""
        if self._earlier is None or ref.kind not in OUTLIVING:
            return
        whole = DataRef(ref.kind, ref.id)
        path = Path(self._earlier.path(whole))
        if path.exists():
            with self.cache.locked(whole):
                if path.exists():
                    self._seal_left(whole, path)
                    remove_tree(path)


class Caretaker(threading.Thread):
    """Seals what is in plain text, then empties memory of what nothing reads, for ever. It ends with the process."""

    def __init__(self, data: SealedData) -> None:
        super().__init__(name="opened-bytes", daemon=True)
        self._data = data

    def run(self) -> None:
        """Do both."""
        self._guarded(self._data.adopt_all)
        while True:
            self._guarded(self._data.cache.trim)
            time.sleep(EMPTIED_EVERY_SECONDS)

    @staticmethod
    def _guarded(act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the next turn comes all the same
            log.error("opened bytes were not looked after: %s", machine_error_of(error) or repr(error))  # noqa: TRY400 - a sentence says it
