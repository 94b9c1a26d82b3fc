"""Blocks of kept files, brought one at a time: each held to its checksum, asked for again while the store is away."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from threading import Lock
from typing import Final

from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.blocks import bounds
from whiteroom.data.s3.bucket import Altered, Bucket
from whiteroom.data.s3.manifests import BrokenManifest, KeptFile

PATIENCE_SECONDS: Final = 600.0
"""How long a program's read waits for a store that gives nothing."""
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0
_TRIES: Final = 3
"""Of a block whose bytes are not what was kept: what was damaged on the way is not, the next time."""


class Unreadable(Exception):
    """A block cannot be had. The message names nothing of the operator's."""

    def __init__(self, message: str, for_operator: str, *, may_pass: bool) -> None:
        super().__init__(message)
        self.for_operator = for_operator
        """The same for the operator."""
        self.may_pass = may_pass
        """Whether another try, later, may have it."""


class Ranges:
    """Brings blocks. For threads to share."""

    def __init__(
        self,
        bucket: Bucket,
        patience_seconds: float,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Bring from a bucket.

        Args:
            bucket: has the objects.
            patience_seconds: how long a block is asked for before it is given up.
            now: passes.
            pause: waits for so long.
        """
        self._bucket = bucket
        self._patience_seconds = patience_seconds
        self._now, self._pause = now, pause
        self._lock = Lock()
        self._etags: dict[str, str] = {}
        """Of each object, as it was first seen: it stays that one."""
        self._sums: dict[str, tuple[bytes, ...]] = {}

    def block(self, folder: str, file: KeptFile, index: int) -> bytes:
        """One block of a file whose object is in `folder`.

        Raises:
            Unreadable: it is not what was kept, or the store gave nothing for as long as its patience lasts.
        """
        name = f"{folder}{file.object}"
        until, pause, altered = self._now() + self._patience_seconds, _FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                data = self._once(name, file, index)
            except FileNotFoundError:
                words = f"{self._bucket.shown(name)} is gone."
                raise Unreadable("its bytes are gone from the store", words, may_pass=False) from None
            except (Altered, BrokenManifest) as error:
                altered += 1
                if altered >= _TRIES or isinstance(error, BrokenManifest):
                    words = f"{self._bucket.shown(name)} is not what was kept of it: somebody has changed it."
                    raise Unreadable("its bytes in the store are not what was kept", words, may_pass=False) from None
            except Trouble as error:
                if self._now() + pause > until:
                    message = f"the store gave nothing for {self._patience_seconds:,.0f} s"
                    raise Unreadable(message, str(error), may_pass=True) from error
                self._pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                return data

    def _once(self, name: str, file: KeptFile, index: int) -> bytes:
        with self._lock:
            etag = self._etags.get(name)
            if name not in self._sums:
                self._sums[name] = file.block_sums()
            sums = self._sums[name]
        data, found = self._bucket.piece(name, *bounds(index, file.size_bytes), etag)
        if sums and hashlib.sha256(data).digest() != sums[index]:
            raise Altered(name)
        with self._lock:
            if self._etags.setdefault(name, found) != found:
                raise Altered(name)
        return data
