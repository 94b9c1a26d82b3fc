"""Data in S3: rows, models and checkpoints outlive this machine; what runs write is on it until it is kept.

manifests/KIND/ID       what is kept under an id (manifests.py): written last, erased first
objects/KIND/ID/...     bytes of files, each object written once under a name of its own
whiteroom.json          whose data this is

On this machine all of it is in `cache` in the server's folder, whether it was written here or brought (cache.py).
What stays on the machine is where `FolderData` has it: what runs left, rows that synthetic ones are made of,
deliveries. Where what is kept is sealed (data/sealed/), all that is here is in memory instead, and the objects may
be in a folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Final

from whiteroom.base.machine_errors import Trouble
from whiteroom.base.trees import remove_tree
from whiteroom.data.drafts import files_in
from whiteroom.data.folder import FolderData
from whiteroom.data.opening import opened_any
from whiteroom.data.s3.cache import Cache, InUse
from whiteroom.data.s3.files import digest_of, receive, send
from whiteroom.data.s3.lendable import Lendable
from whiteroom.data.s3.lenders import Lenders
from whiteroom.data.s3.manifests import BrokenManifest, KeptFile, Manifest, ResourceKey, objects_of, slug
from whiteroom.data.s3.objects import Objects
from whiteroom.data.s3.seals import Seal
from whiteroom.data.walking import OnFile, walk
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.ports.data import Archive, TookTooLong

OUTLIVING: Final = frozenset(
    {
        DataKind.CHANNEL,
        DataKind.LAYOUT,
        DataKind.RESULT,
        DataKind.BASE_MODEL,
        DataKind.CHECKPOINT,
        DataKind.ARTEFACT,
    }
)
"""What is kept in S3."""
CACHE: Final = "cache"
"""The folder in the server's that has what is here of it."""
MANIFESTS: Final = "manifests/"
_SEEN_AT: Final = "/opt/ml/checkpoints"
"""Where a program sees its folder of checkpoints: its absolute links begin with it."""
_TRIES: Final = 5
"""Of writing a manifest that somebody else writes too."""


class Unusable(Trouble):
    """What says what is kept under an id is there, and is not as it was written."""


class S3Data(Lendable):
    """Implements `ports.Data` and `ports.LocalData`.

    `here` is what of it is on this machine, from which deliveries are made; `bucket` and `cache` are for the sweep.
    """

    def __init__(
        self,
        root: Path,
        bucket: Objects,
        cache_bytes: int,
        in_use: InUse | None = None,
        seal: Seal | None = None,
        memory: Path | None = None,
        lenders: Lenders | None = None,
    ) -> None:
        """Keep data in a bucket.

        Args:
            root: the server's data folder.
            bucket: takes what is kept.
            cache_bytes: as much of it may be on this machine.
            in_use: the ids of what must stay on it; None where nothing may be emptied.
            seal: seals what is kept from now on.
            memory: a folder in memory, where all data on this machine is.
            lenders: lend what is not here; None where all of it is always brought, as of what is sealed.
        """
        cached = memory or root / CACHE
        self.here = FolderData(root, cached, OUTLIVING if memory is None else frozenset(DataKind))
        self.bucket = bucket
        self.cache = Cache(cached.absolute() / "state", self._path, cache_bytes, in_use)
        self._seal = seal
        self._lenders = lenders

    @property
    def work(self) -> Path:
        """The folder in which what runs now has its own."""
        return self.here.work

    def path(self, ref: DataRef) -> str:
        """See `ports.LocalData.path`."""
        return self.here.path(ref)

    def reference(self, path: str) -> DataRef:
        """See `ports.LocalData.reference`."""
        return self.here.reference(path)

    def held(self, kind: DataKind) -> Sequence[str]:
        """See `ports.Data.held`."""
        here = self.here.held(kind)
        return sorted({*here, *self._kept_ids(kind)}) if kind in OUTLIVING else here

    def list(self, ref: DataRef) -> Sequence[str]:
        """See `ports.Data.list`."""
        here = self.here.list(ref)
        if ref.kind not in OUTLIVING:
            return here
        start = f"{ref.part}/" if ref.part else ""
        kept = (name.removeprefix(start) for name in self._manifest(ref)[0].by_name if name.startswith(start))
        return sorted({*here, *(name for name in kept if "/" not in name)})

    def measure(self, parts: Mapping[str, DataRef], until: float = inf, links: str | None = None) -> int:
        """See `ports.Data.measure`."""
        return self.here.measure(parts, until, links)

    def pack(
        self,
        parts: Mapping[str, DataRef],
        target: DataRef,
        limit_bytes: int | None,
        until: float = inf,
        links: str | None = None,
    ) -> Archive:
        """See `ports.Data.pack`."""
        with self.cache.locked(target):
            self.cache.forget(target)
            archive = self.here.pack(parts, target, limit_bytes, until, links)
            try:
                self._keep(target, until)
            except TookTooLong:
                self.here.erase(target)
                raise
        self.cache.trim()
        return archive

    def archive(self, ref: DataRef) -> Archive | None:
        """See `ports.Data.archive`."""
        if ref.kind not in OUTLIVING:
            return self.here.archive(ref)
        self.path(ref)
        file = self._manifest(ref)[0].by_name.get(ref.part)
        if file is None or file.content_bytes is None:
            return None
        return Archive(ref, file.size_bytes, file.content_bytes)

    def keep(self, ref: DataRef) -> bool:
        """See `ports.Data.keep`.

        Objects first, then the manifest: a crash in between leaves objects that nobody names (sweeping.py).
        """
        if ref.kind not in OUTLIVING:
            return self.here.keep(ref)
        with self.cache.locked(ref):
            kept = self._keep(ref)
        self.cache.trim()
        return kept

    def bring(self, ref: DataRef) -> bool:
        """See `ports.Data.bring`."""
        path = self._path(ref)
        if ref.kind not in OUTLIVING:
            return path.exists()
        with self.cache.locked(ref):
            manifest = self._manifest(ref)[0]
            wanted = manifest.below(ref.part)
            # Checkpoints that are here may have grown since they were kept.
            if not wanted or (ref.kind is DataKind.CHECKPOINT and path.exists()):
                return path.exists()
            if self._is_here(ref, wanted):
                self.cache.touch(ref)
            else:
                self._fill(ref, wanted, manifest.key)
            return True

    def copy(self, source: DataRef, target: DataRef) -> None:
        """See `ports.Data.copy`."""
        self.path(target)
        if target.kind in OUTLIVING and target.part in self._manifest(target)[0].by_name:
            return
        self.bring(source)
        self.here.copy(source, target)
        self.keep(target)

    def erase(self, ref: DataRef) -> None:
        """See `ports.Data.erase`."""
        path = self._path(ref)
        if ref.kind not in OUTLIVING:
            remove_tree(path)
            return
        with self.cache.locked(ref):
            remove_tree(path)
            self.cache.forget(ref)
            if ref.part:
                self._take_out(ref)
                return
            self.bucket.delete([_manifest_of(ref)])
            self.bucket.delete([one.name for one in self.bucket.objects(objects_of(ref))])
            for upload in self.bucket.uploads(objects_of(ref)):
                self.bucket.abort(upload)

    def sweep(self) -> None:
        """Remove from this machine what a server that was killed had begun. No other process works here yet."""
        self.here.sweep()
        self.cache.sweep()

    def kept_objects(self, ref: DataRef) -> frozenset[str]:
        """The objects that what is kept under an id is in.

        Raises:
            Trouble: nobody can say.
            KeyRefused: its key is not to be had.
        """
        return frozenset(file.object for file in self._manifest(ref)[0].files)

    # -- kept ------------------------------------------------------------------------------------

    def _keep(self, ref: DataRef, until: float = inf) -> bool:
        path, files, key = self._path(ref), dict[str, KeptFile](), None
        for _ in range(_TRIES):
            manifest, etag = self._manifest(ref)
            before = manifest.below(ref.part)
            if not path.exists():
                return bool(before)
            manifest = self._keyed(ref, manifest, key)
            if key != (key := manifest.key):
                files = {}  # somebody else has kept something, by another key
            files = self._sent(ref, path, {**before, **files}, until, key)
            if not files and not before:
                return False
            if ref.kind is not DataKind.CHECKPOINT and files.items() < before.items():
                return True  # all of it was kept, and some of it is not here any more
            if not self._write(ref, manifest, etag, files):
                continue
            self._delete_others(ref, before, files)
            if ref.kind is not DataKind.CHECKPOINT:
                self.cache.note(ref, files)
            return True
        raise Trouble(f"What is kept in {self.bucket.shown(_manifest_of(ref))} is written by somebody else, too.")

    def _sent(
        self, ref: DataRef, path: Path, known_files: Mapping[str, KeptFile], until: float, key: ResourceKey | None
    ) -> dict[str, KeptFile]:
        """The files at a path, each in an object: the one that it is known to be in already, or a new one."""
        noted, files = self.cache.noted(ref), dict[str, KeptFile]()

        def on_file(name: str, fd: int, facts: os.stat_result) -> None:
            known = known_files.get(name)
            if known is not None and known.size_bytes == facts.st_size:
                digest = noted[name].sha256 if name in noted else digest_of(fd, facts.st_size, until)
                if digest == known.sha256:
                    files[name] = known
                    return
            files[name] = send(self.bucket, objects_of(ref), name, fd, facts, until, key)

        self._visit(ref, path, on_file, until)
        return files

    def _visit(self, ref: DataRef, path: Path, on_file: OnFile, until: float) -> None:
        """Every file at the path of a name, under its name below the id."""
        if ref.kind is DataKind.CHECKPOINT and not ref.part:
            for host in sorted(entry.name for entry in path.iterdir() if entry.is_dir()):
                self._visit(ref.at(host), path / host, on_file, until)
        elif ref.kind is DataKind.CHECKPOINT:
            # A program's: nothing in it is what its name says.
            walk({"": path}, None, until, lambda name, *file: on_file(f"{ref.part}/{name}", *file), _SEEN_AT)
        else:
            found = [path] if path.is_file() else files_in(path)
            for file in found:
                name = "/".join((*filter(None, (ref.part,)), *file.relative_to(path).parts))
                with opened_any(str(file), name, None) as (fd, facts):
                    on_file(name, fd, facts)

    def _seal_left(self, ref: DataRef, path: Path) -> None:
        """Keep what is at a path as all that there is under an id, but for what is kept already."""
        for _ in range(_TRIES):
            manifest, etag = self._manifest(ref)
            manifest = self._keyed(ref, manifest, None)
            files = self._sent(ref, path, manifest.by_name, inf, manifest.key)
            if self._write(ref, manifest, etag, {**files, **manifest.by_name}):
                return
        raise Trouble(f"What is kept in {self.bucket.shown(_manifest_of(ref))} is written by somebody else, too.")

    def _take_out(self, ref: DataRef) -> None:
        """Have the manifest name nothing at `ref` any more, and delete that."""
        for _ in range(_TRIES):
            manifest, etag = self._manifest(ref)
            before = manifest.below(ref.part)
            if self._write(ref, manifest, etag, {}):
                self._delete_others(ref, before, {})
                return
        raise Trouble(f"What is kept in {self.bucket.shown(_manifest_of(ref))} is written by somebody else, too.")

    def _write(self, ref: DataRef, manifest: Manifest, etag: str | None, files: Mapping[str, KeptFile]) -> bool:
        """Write the manifest with these files at `ref`; False where somebody else has written it since it was read."""
        new = manifest.replaced(ref.part, files)
        if new == manifest:
            return True
        if new.key is None or self._seal is None:
            return self.bucket.write(_manifest_of(ref), new.dump(), etag)
        return self.bucket.write(_manifest_of(ref), self._seal.dump(ref, new, new.key), etag)

    def _keyed(self, ref: DataRef, manifest: Manifest, key: ResourceKey | None) -> Manifest:
        """With the key that more is sealed by: its own, that which was made for it a moment ago, or a new one."""
        if self._seal is None or manifest.key is not None:
            return manifest
        return replace(manifest, key=key or self._seal.new_key(ref))

    def _delete_others(self, ref: DataRef, before: Mapping[str, KeptFile], files: Mapping[str, KeptFile]) -> None:
        left = {file.object for file in before.values()} - {file.object for file in files.values()}
        self.bucket.delete([objects_of(ref) + name for name in sorted(left)])

    def _manifest(self, ref: DataRef) -> tuple[Manifest, str | None]:
        found = self.bucket.read(_manifest_of(ref))
        if found is None:
            return Manifest(), None
        try:
            return (Manifest.load(found[0]) if self._seal is None else self._seal.load(ref, found[0])), found[1]
        except BrokenManifest as error:
            raise Unusable(
                f"{self.bucket.shown(_manifest_of(ref))} cannot be used: {error}. Restore it from a backup, or run the "
                "release that wrote it."
            ) from None

    def _kept_ids(self, kind: DataKind) -> Iterable[str]:
        return self.bucket.names(f"{MANIFESTS}{slug(kind)}/")

    # -- here ------------------------------------------------------------------------------------

    def _is_here(self, ref: DataRef, wanted: Mapping[str, KeptFile]) -> bool:
        """Whether these files, and no others, are here, byte for byte; what is known to be so is not read."""
        noted, same = self.cache.noted(ref), list[str]()

        def on_file(name: str, fd: int, facts: os.stat_result) -> None:
            file = wanted.get(name)
            if file is not None and file.size_bytes == facts.st_size:
                digest = noted[name].sha256 if name in noted else digest_of(fd, facts.st_size)
                same.extend([name] if digest == file.sha256 else [])
            else:
                same.append("")

        path = self._path(ref)
        if path.exists():
            self._visit(ref, path, on_file, inf)
        if sorted(same) != sorted(wanted):
            return False
        self.cache.note(ref, wanted)
        return True

    def _fill(self, ref: DataRef, wanted: Mapping[str, KeptFile], key: ResourceKey | None) -> None:
        """Bring files, and put them in place of what is here when all of them are what was kept."""
        with self.cache.room(ref, sum(file.size_bytes for file in wanted.values())) as room:
            whole = room / "whole"
            for name, file in wanted.items():
                receive(self.bucket, objects_of(ref), file, whole / name, key)
            self.put(ref, wanted, whole)

    def put(self, ref: DataRef, wanted: Mapping[str, KeptFile], whole: Path) -> None:
        """Have files that were brought below `whole` be here, in place of what is. The id's lock is the caller's."""
        path = self._path(ref)
        self.cache.forget(ref)
        remove_tree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        (whole / ref.part).rename(path)
        if ref.kind is not DataKind.CHECKPOINT:
            self.cache.note(ref, wanted)

    def _path(self, ref: DataRef) -> Path:
        return Path(self.here.path(ref))


def _manifest_of(ref: DataRef) -> str:
    return f"{MANIFESTS}{slug(ref.kind)}/{ref.id}"
