"""What crashes leave in the store: objects that no manifest names, and uploads that nobody finishes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from whiteroom.base.clock import utc_now
from whiteroom.base.machine_errors import machine_error_of
from whiteroom.data.s3.data import MANIFESTS, OUTLIVING, S3Data, Unusable
from whiteroom.data.s3.manifests import OBJECTS, slug
from whiteroom.data.s3.objects import Listed
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.ports.keys import KeyRefused

log = logging.getLogger(__name__)

SWEPT_EVERY_SECONDS: Final = 86_400.0
ORPHANED_AFTER: Final = timedelta(days=2)
"""So old is what nobody names: a manifest comes after its objects, and the first of many may be a day old by then."""


class Sweeper(threading.Thread):
    """Sweeps the store now, and once a day. It ends with the process."""

    def __init__(self, data: S3Data) -> None:
        super().__init__(name="store-sweeper", daemon=True)
        self._data = data

    def run(self) -> None:
        """Sweep, and wait for a day, for ever."""
        while True:
            try:
                if deleted := sweep_store(self._data, utc_now()):
                    log.info("%d objects and uploads that crashes had left in the store were deleted", deleted)
            except Exception as error:  # noqa: BLE001 - the next day comes all the same
                log.error("the store was not swept: %s", machine_error_of(error) or repr(error))  # noqa: TRY400 - a sentence says it
            time.sleep(SWEPT_EVERY_SECONDS)


def sweep_store(data: S3Data, now: datetime) -> int:
    """Delete what is orphaned, and drop from the cache what is kept no more; safe while the server works.

    Returns:
        How many objects and uploads were deleted.

    Raises:
        Trouble: the store cannot be used; what is left is found the next time.
    """
    deleted, bucket, cache = 0, data.bucket, data.cache
    for kind in DataKind:
        if kind in OUTLIVING:
            kept = frozenset(bucket.names(f"{MANIFESTS}{slug(kind)}/"))
            cache.drop_unkept(kind, kept)
            folder = f"{OBJECTS}{slug(kind)}/"
            for record_id, objects in _by_id(bucket.objects(folder), folder):
                ref = DataRef(kind, record_id)
                if any(_is_old(one, now) for one in objects):
                    deleted += _sweep_one(data, ref, objects, now)
            for record_id, uploads in _by_id(bucket.uploads(folder), folder):
                with cache.trying(DataRef(kind, record_id)) as got:
                    for upload in filter(lambda one: got and _is_old(one, now), uploads):
                        bucket.abort(upload)
                        deleted += 1
    return deleted


def _sweep_one(data: S3Data, ref: DataRef, objects: list[Listed], now: datetime) -> int:
    """Delete an id's old objects that its manifest does not name, unless somebody is at it now."""
    with data.cache.trying(ref) as got:
        if not got:
            return 0
        try:
            named = data.kept_objects(ref)
        except (Unusable, KeyRefused):
            return 0  # what it names may be wanted still
        orphans = [one.name for one in objects if _is_old(one, now) and one.name.rpartition("/")[2] not in named]
        data.bucket.delete(orphans)
        return len(orphans)


def _by_id(listed: Iterator[Listed], folder: str) -> Iterator[tuple[str, list[Listed]]]:
    """What is below a folder, by the folder below it that it is in."""
    for record_id, some in groupby(listed, lambda one: one.name.removeprefix(folder).partition("/")[0]):
        yield record_id, list(some)


def _is_old(one: Listed, now: datetime) -> bool:
    return now - one.written_at > ORPHANED_AFTER
