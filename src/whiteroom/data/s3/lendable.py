"""What is kept elsewhere, offered before it is here: the part of `S3Data` that is for FastFile and Pipe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.cache import Cache
from whiteroom.data.s3.lenders import Lenders, LentFiles
from whiteroom.data.s3.manifests import KeptFile, Manifest
from whiteroom.domain.execution.data import DataRef
from whiteroom.ports.data import Lent


class Lendable(ABC):
    """Lends by `_lenders`, where there are any; without them all is brought."""

    cache: Cache
    _lenders: Lenders | None

    @abstractmethod
    def bring(self, ref: DataRef) -> bool:
        """See `ports.Data.bring`."""

    @abstractmethod
    def list(self, ref: DataRef) -> Sequence[str]:
        """See `ports.Data.list`."""

    @abstractmethod
    def _manifest(self, ref: DataRef) -> tuple[Manifest, str | None]:
        """What is kept under an id, and its ETag."""

    @abstractmethod
    def _is_here(self, ref: DataRef, wanted: Mapping[str, KeptFile]) -> bool:
        """Whether these files are on this machine, as they were kept."""

    def offer(self, ref: DataRef) -> bool:
        """See `ports.Data.offer`."""
        wanted = self.kept(ref) if self._lenders is not None else {}
        if not wanted or any(file.is_sealed for file in wanted.values()):
            return self.bring(ref)
        with self.cache.trying(ref) as got:
            is_here = got and self._is_here(ref, wanted)
            if is_here:
                self.cache.touch(ref)
        with self.cache.bringing(ref) as nobody_does:
            if nobody_does and not is_here:
                self.cache.make_room(sum(file.size_bytes for file in wanted.values()))
        return True

    def elsewhere(self, ref: DataRef) -> Sequence[str]:
        """See `ports.LocalData.elsewhere`."""
        wanted = self.kept(ref) if self._lenders is not None else {}
        return () if self.is_noted(ref, wanted) else self.list(ref)

    def lend(self, lent: Sequence[Lent], listener: int, log: int) -> None:
        """See `ports.LocalData.lend`."""
        if self._lenders is None:
            raise ValueError("all of it is here")
        self._lenders.start(tuple(LentFiles(one.data, self._files_of(one)) for one in lent), listener, log)

    def kept(self, ref: DataRef) -> Mapping[str, KeptFile]:
        """What is kept at a name, by the names of the files below the id."""
        return self._manifest(ref)[0].below(ref.part)

    def is_noted(self, ref: DataRef, wanted: Mapping[str, KeptFile]) -> bool:
        """Whether these files are here, as far as is known without reading any."""
        noted = self.cache.noted(ref)
        return all(name in noted and noted[name].sha256 == file.sha256 for name, file in wanted.items())

    def _files_of(self, lent: Lent) -> tuple[KeptFile, ...]:
        kept = self.kept(lent.data)
        start = f"{lent.data.part}/" if lent.data.part else ""
        try:
            return tuple(kept[f"{start}{name}"] for name in lent.names)
        except KeyError:
            raise Trouble(f"What is kept of the {lent.data.kind} {lent.data.id} is being changed.") from None
