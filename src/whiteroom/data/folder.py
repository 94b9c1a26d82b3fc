"""Data in folders of this machine: the default.

What docs/architecture.md shows as a server's folder is `_PLACES` here. A file is written under a temporary name and
renamed. What `s3://BUCKET/PREFIX` is given lands in objects/BUCKET/PREFIX, where every step is taken by descriptor and
no link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import IO, Final

from whiteroom.base.archives import shown
from whiteroom.base.locations import STAGING_PREFIX, folder_parts, parse_location, plain_parts
from whiteroom.base.machine_errors import machine_error_of
from whiteroom.base.trees import remove_tree
from whiteroom.data.all_here import AllHere
from whiteroom.data.archive import content_bytes_of, write_archive
from whiteroom.data.delivered import OpenedFile, opened_below
from whiteroom.data.drafts import UNFINISHED
from whiteroom.data.opening import OPEN_FOLDER, copy_exactly, deliverable_parts, opened
from whiteroom.data.walking import walk
from whiteroom.data.withdrawing import erase_below
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.deliveries import DeliveredFile, Destination
from whiteroom.ports.data import Archive
from whiteroom.ports.deliveries import DeliveryFailed

_PLACES: Final[Mapping[DataKind, tuple[str, str]]] = {
    DataKind.LAYOUT: ("channels", ".layouts"),
    DataKind.CHANNEL: ("channels", ""),
    DataKind.ORIGINAL: ("originals", ""),
    DataKind.RESULT: ("results", ""),
    DataKind.BASE_MODEL: ("bases", ""),
    DataKind.CHECKPOINT: ("checkpoints", ""),
    DataKind.ARTEFACT: ("artefacts/trained-models", ""),
    DataKind.RUN_OUTPUT: ("runs", ""),
    DataKind.CONTAINER_OUTPUT: ("containers", ""),
}
"""The folder that holds data of a kind, by id, and how their names end; the first that fits gives the kind."""

_PIECE: Final = 1 << 20
_NEW_FILE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderData(AllHere):
    """Implements `ports.Data`, `ports.LocalData` and `ports.Deliveries`."""

    def __init__(self, root: Path, cache: Path | None = None, cached: Collection[DataKind] = ()) -> None:
        """Keep data below `root`, a server's data folder; what is `cached` there of another place below `cache`."""
        self._root = root.absolute()
        self._roots = {kind: (cache or root).absolute() if kind in cached else self._root for kind in DataKind}
        self._deliveries = self._root / "objects"
        self._under_way = self._deliveries / f"{UNFINISHED}under-way"

    @property
    def work(self) -> Path:
        """The folder in which what runs now has its own."""
        return self._roots[DataKind.RUN_OUTPUT]

    @property
    def here(self) -> FolderData:
        """What is on this machine, from which deliveries are made."""
        return self

    def path(self, ref: DataRef) -> str:
        """See `ports.LocalData.path`."""
        return str(self._path(ref))

    def reference(self, path: str) -> DataRef:
        """See `ports.LocalData.reference`."""
        at = Path(os.path.normpath(path))
        for kind, (folder, ending) in _PLACES.items():
            place = self._roots[kind] / folder
            if at.is_relative_to(place) and at != place:
                own, *parts = at.relative_to(place).parts
                if own.endswith(ending):
                    return DataRef(kind, own.removesuffix(ending), "/".join(parts))
        raise ValueError(f"At {path} there is no data.")

    def held(self, kind: DataKind) -> Sequence[str]:
        """See `ports.Data.held`."""
        refs = [self.reference(entry.path) for entry in _entries(self._roots[kind] / _PLACES[kind][0])]
        return sorted(ref.id for ref in refs if ref.kind is kind)

    def list(self, ref: DataRef) -> Sequence[str]:
        """See `ports.Data.list`."""
        return sorted(entry.name for entry in _entries(self._path(ref)) if not entry.is_dir(follow_symlinks=False))

    def measure(self, parts: Mapping[str, DataRef], until: float = inf, links: str | None = None) -> int:
        """See `ports.Data.measure`."""
        return walk(self._folders(parts), until=until, links=links).content_bytes

    def pack(
        self,
        parts: Mapping[str, DataRef],
        target: DataRef,
        limit_bytes: int | None,
        until: float = inf,
        links: str | None = None,
    ) -> Archive:
        """See `ports.Data.pack`."""
        folders = self._folders(parts)
        with _drafted(self._path(target), 0o600) as out:
            found = write_archive(folders, out, limit_bytes, until, links)
            size_bytes = os.fstat(out.fileno()).st_size
        return Archive(target, size_bytes, found.content_bytes, found.left_out)

    def archive(self, ref: DataRef) -> Archive | None:
        """See `ports.Data.archive`."""
        path = self._path(ref)
        content_bytes = content_bytes_of(path) if path.is_file() else None
        return None if content_bytes is None else Archive(ref, path.stat().st_size, content_bytes)

    def keep(self, ref: DataRef) -> bool:
        """See `ports.Data.keep`. What is in the folder is kept."""
        return self._path(ref).exists()

    def bring(self, ref: DataRef) -> bool:
        """See `ports.Data.bring`. What is in the folder is here."""
        return self._path(ref).exists()

    offer = bring

    def copy(self, source: DataRef, target: DataRef) -> None:
        """See `ports.Data.copy`."""
        if not (path := self._path(target)).exists():
            with self._path(source).open("rb") as file, _drafted(path, 0o644) as out:
                shutil.copyfileobj(file, out, _PIECE)

    def erase(self, ref: DataRef) -> None:
        """See `ports.Data.erase`."""
        remove_tree(self._path(ref))

    def deliver(
        self,
        destination: Destination,
        job_id: str,  # noqa: ARG002 - of the port
        path: str,
        sources: Iterable[tuple[str, DataRef]],
        confirm: Callable[[Sequence[DeliveredFile]], object] = lambda _files: None,
    ) -> None:
        """See `ports.Deliveries.deliver`.

        The files are gathered in a hidden folder beside the destination, which nobody else
        may open. A destination that does not exist yet appears by one rename, whole; into one
        that does, the files are renamed one by one. A crash in between leaves some of the new
        files beside some of the old ones, which the same delivery made again heals; and the
        hidden folder, which `sweep` removes.
        """
        wanted = [(deliverable_parts(name), self._path(source)) for name, source in sources]
        try:
            folders = _folders_of(destination.location, path)
        except ValueError as error:
            raise DeliveryFailed(
                "The receiver's location is none that files can be put at. The receiver must set another one."
            ) from error
        try:
            with self._noted(folders), _entered(self._deliveries, folders[:-1]) as parent:
                _deliver(parent, folders[-1], wanted, confirm)
        except OSError as error:
            if machine_error_of(error):
                raise  # of this machine, and not of the place: the same delivery is tried again
            raise DeliveryFailed(f"The receiver's location cannot be written to: {error.strerror}.") from error

    def open_delivered(
        self, location: str, path: str, file: DeliveredFile, start: int = 0, length: int | None = None
    ) -> OpenedFile:
        """See `ports.Deliveries.open_delivered`."""
        folders = (*_folders_of(location, path), *plain_parts(file.name, "The file name"))
        return opened_below(self._deliveries, folders, file, start, length)

    def withdraw(self, location: str, path: str, files: Sequence[DeliveredFile], confirm: Callable[[], object]) -> bool:
        """See `ports.KeptResults.withdraw`. Whoever delivers to the folder meanwhile is told so."""
        folders = _folders_of(location, path)
        with self._noted(folders), _entered(self._deliveries, folders[:-1]) as parent:
            with _staged(parent, folders[-1]) as held:
                if held is not None:
                    confirm()
                    erase_below(parent, folders[-1], files)
            return held is not None

    @contextlib.contextmanager
    def _noted(self, folders: tuple[str, ...]) -> Iterator[None]:
        """While it is being made, there is a locked note of a delivery: one whose lock is free was cut short."""
        self._under_way.mkdir(parents=True, exist_ok=True)
        fd, draft = tempfile.mkstemp(prefix=".", dir=self._under_way)
        note = self._under_way / Path(draft).name[1:]
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.write(fd, json.dumps(folders).encode())
            Path(draft).rename(note)
            yield
        finally:
            for left in (note, Path(draft)):
                left.unlink(missing_ok=True)
            os.close(fd)

    def sweep(self) -> None:
        """Remove what deliveries that were cut short had gathered: it may never be judged again.

        And what erasing checkpoints left beside them, where a server of an earlier release was killed at it.
        """
        for left in (self._root / _PLACES[DataKind.CHECKPOINT][0]).glob(".removing-*"):
            remove_tree(left)
        for note in self._under_way.glob("*"):
            # What is another store's, and under way, is locked; what is another user's is that user's to remove.
            with contextlib.suppress(OSError), note.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with contextlib.suppress(OSError, ValueError):  # a note that was not written whole has gathered nothing
                    *above, name = json.loads(file.read())
                    with _entered(self._deliveries, tuple(above)) as parent:
                        shutil.rmtree(_staging(name), dir_fd=parent)
                note.unlink()

    def _folders(self, parts: Mapping[str, DataRef]) -> dict[str, Path]:
        return {host: self._path(ref) for host, ref in parts.items()}

    def _path(self, ref: DataRef) -> Path:
        folder, ending = _PLACES[ref.kind]
        own, *more = plain_parts(ref.id + ending, "The id")
        if more:
            raise ValueError(f"The id {shown(ref.id)!r} is not made of one name.")
        return self._roots[ref.kind].joinpath(folder, own, *(plain_parts(ref.part, "The part") if ref.part else ()))


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, but for what is being written; nothing where it is not there."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        yield from (entry for entry in found if not entry.name.startswith((UNFINISHED, ".")))


@contextlib.contextmanager
def _drafted(target: Path, mode: int) -> Iterator[IO[bytes]]:
    """A file under another name beside the target, which it replaces, down on the disk, unless something is raised."""
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{UNFINISHED}{target.name}-"
    # What a killed server left. Should another one be writing it now, its rename fails, and it tries again.
    for left in target.parent.glob(f"{glob.escape(prefix)}*"):
        left.unlink(missing_ok=True)
    fd, unfinished = tempfile.mkstemp(prefix=prefix, dir=target.parent)
    try:
        with os.fdopen(fd, "w+b", buffering=0) as out:
            yield out
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        Path(unfinished).replace(target)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _folders_of(location: str, path: str) -> tuple[str, ...]:
    """The folders below objects/ that lead to a delivery.

    Raises:
        ValueError: the location or the path is none.
    """
    place = parse_location(location)
    return (place.bucket, *place.folders, *folder_parts(path, "The path"))


def _deliver(
    parent: int,
    name: str,
    wanted: list[tuple[tuple[str, ...], Path]],
    confirm: Callable[[Sequence[DeliveredFile]], object],
) -> None:
    """Gather the files beside the folder `name`, then put them there."""
    with _staged(parent, name) as held:
        if held is None:
            raise DeliveryFailed("Another delivery to the same place is under way; try again when it is done.")
        confirm([_stage(held, parts, source) for parts, source in wanted])
        os.fchmod(held, 0o755)
        try:
            os.rename(_staging(name), name, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            _replace_one_by_one(parent, name, held, [parts for parts, _ in wanted])
    os.fsync(parent)


@contextlib.contextmanager
def _staged(parent: int, name: str) -> Iterator[int | None]:
    """The folder in which what the folder `name` gets is gathered, empty and locked; None where another holds it."""
    staging = _staging(name)
    with contextlib.suppress(FileExistsError):
        os.mkdir(staging, 0o700, dir_fd=parent)
    with _entered_at(parent, (staging,)) as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        try:
            _clear(held)
            yield held
        finally:
            with contextlib.suppress(OSError):
                _clear(held, only_in=(parent, staging))


def _staging(name: str) -> str:
    """The hidden folder in which a delivery to the folder `name` is gathered."""
    return STAGING_PREFIX + hashlib.sha256(name.encode()).hexdigest()[:24]


def _stage(staging: int, parts: tuple[str, ...], source: Path) -> DeliveredFile:
    """Copy one file, regular and without another name, to the staging folder, down to the disk."""
    digest = hashlib.sha256()
    with opened(str(source), parts[-1]) as (fd, facts), _entered_at(staging, parts[:-1]) as folder:
        out = os.open(parts[-1], _NEW_FILE_FLAGS, 0o644, dir_fd=folder)
        with os.fdopen(out, "wb", buffering=0) as file:

            def write(piece: memoryview) -> None:
                digest.update(piece)
                while piece:  # a disk that fills up takes a part of it, and refuses the next
                    piece = piece[file.write(piece) :]

            copy_exactly(fd, facts.st_size, parts[-1], facts, write)
            os.fsync(file.fileno())
    return DeliveredFile("/".join(parts), facts.st_size, digest.hexdigest())


def _replace_one_by_one(parent: int, name: str, staging: int, wanted: list[tuple[str, ...]]) -> None:
    with _entered_at(parent, (name,)) as destination:
        for parts in wanted:
            with (
                _entered_at(staging, parts[:-1]) as source_folder,
                _entered_at(destination, parts[:-1]) as target_folder,
            ):
                os.rename(parts[-1], parts[-1], src_dir_fd=source_folder, dst_dir_fd=target_folder)
                os.fsync(target_folder)


def _clear(folder: int, only_in: tuple[int, str] | None = None) -> None:
    """Empty the folder; with `only_in`, and remove it, where it still has that name there."""
    if only_in is not None:
        parent, name = only_in
        try:
            there = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return  # it became the destination
        if there.st_ino != os.fstat(folder).st_ino:
            return
    for name in os.listdir(folder):
        try:
            os.unlink(name, dir_fd=folder)
        except IsADirectoryError:
            shutil.rmtree(name, dir_fd=folder)
    if only_in is not None:
        os.rmdir(only_in[1], dir_fd=only_in[0])


@contextlib.contextmanager
def _entered(root: Path, folders: tuple[str, ...]) -> Iterator[int]:
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _entered_at(top, folders) as fd:
            yield fd
    finally:
        os.close(top)


@contextlib.contextmanager
def _entered_at(top: int, folders: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of the folder below `top`, made where it is missing; no link is followed on the way."""
    fd = os.dup(top)
    try:
        for name in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=fd)
            below = os.open(name, OPEN_FOLDER, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, OPEN_FOLDER)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
