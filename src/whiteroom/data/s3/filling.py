"""Brings all of what is lent into the cache, in the background, where it fits: from then on it is read from there."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.data import S3Data
from whiteroom.data.s3.files import digest_of
from whiteroom.data.s3.held import SOME_TIME, Held
from whiteroom.data.s3.manifests import KeptFile
from whiteroom.data.s3.ranges import Unreadable
from whiteroom.domain.execution.data import DataRef

_AT_A_TIME: Final = 4
"""Blocks that are brought for the disk; so many workers are left for those that somebody waits for."""
_LOOK_SECONDS: Final = 2.0


class Filler(threading.Thread):
    """Fills the cache with one channel, or waits until somebody else has. It ends with the process."""

    def __init__(self, data: S3Data, ref: DataRef, wanted: Mapping[str, KeptFile], held: Held) -> None:
        """Fill with `wanted`, all that is kept at `ref`: `held` has its files, in that order."""
        super().__init__(name="filler", daemon=True)
        self._data, self._ref, self._wanted, self._held = data, ref, wanted, held

    def run(self) -> None:
        """Until all of it is here, or it is found not to fit."""
        try:
            while not self._filled():
                time.sleep(_LOOK_SECONDS)
        except (Trouble, OSError) as error:
            print(f"{self._ref.kind} {self._ref.id} is read by ranges alone: {error}", file=sys.stderr, flush=True)

    def _filled(self) -> bool:
        """Whether all of it is here; False while somebody else brings it, or what was brought is not to be had."""
        data, ref = self._data, self._ref
        if data.is_noted(ref, self._wanted):
            with suppress(FileNotFoundError), ExitStack() as unused:  # emptied just now
                whole, handles = Path(data.path(DataRef(ref.kind, ref.id))), []
                for name in self._wanted:
                    handles.append(os.open(whole / name, os.O_RDONLY | os.O_CLOEXEC))
                    unused.callback(os.close, handles[-1])
                unused.pop_all()
                self._held.found_on(handles)
                return True
            return False
        with data.cache.bringing(ref) as nobody_does:
            return nobody_does and self._fill()

    def _fill(self) -> bool:
        data, ref, wanted, held = self._data, self._ref, self._wanted, self._held
        with data.cache.room(ref, sum(file.size_bytes for file in wanted.values())) as room:
            whole = room / "whole"
            handles = [_empty_file(whole / name, file) for name, file in wanted.items()]
            held.put_on(handles)
            try:
                self._bring_all()
                _require(wanted, handles)
                with data.cache.locked(ref):
                    if not data.is_noted(ref, wanted):
                        data.put(ref, wanted, whole)
            except Unreadable as error:
                held.give_up_disk()
                print(f"{ref.kind} {ref.id}: {error.for_operator}", file=sys.stderr, flush=True)
                return not error.may_pass
            except BaseException:
                held.give_up_disk()
                raise
        return True

    def _bring_all(self) -> None:
        free, problems = threading.Semaphore(_AT_A_TIME), list[Unreadable]()

        def then(problem: Unreadable | None) -> None:
            problems.extend([problem] if problem else [])
            free.release()

        for file, block in self._held.missing():
            free.acquire()
            if problems or not self._held.on_disk:
                break
            self._held.want(file, [block], SOME_TIME, then)
        else:
            for _ in range(_AT_A_TIME):
                free.acquire()
        if problems:
            raise problems[0]
        if not self._held.on_disk or next(self._held.missing(), None):
            raise Trouble("The disk of the cache has no room for it, or fails.")


def _empty_file(path: Path, file: KeptFile) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, file.mode | 0o600)
    os.ftruncate(handle, file.size_bytes)
    return handle


def _require(wanted: Mapping[str, KeptFile], handles: Sequence[int]) -> None:
    """Down to the disk, and each what was kept: those without checksums of their blocks are read for it."""
    for file, handle in zip(wanted.values(), handles, strict=True):
        os.fsync(handle)
        if not file.blocks and digest_of(handle, file.size_bytes) != file.sha256:
            words = f"What was brought of {file.name} is not what was kept of it: somebody has changed it."
            raise Unreadable("its bytes in the store are not what was kept", words, may_pass=False)
