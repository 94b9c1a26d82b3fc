"""Brings the metadata of a table in S3 to files of this machine, with its owner's identity: bounded, and no others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from whiteroom.aws.bringing import ObjectMoved, Wanted, bring, looked_at
from whiteroom.aws.identities import Identity
from whiteroom.aws.refusals import AwsUnreachable, refusals
from whiteroom.catalog.snapshots.places import MOST_METADATA_BYTES, Unreadable
from whiteroom.catalog.snapshots.stored_places import Root
from whiteroom.domain.privacy.query_tables import StoredObject

MOST_BYTES: Final = 1 << 30
"""Of all metadata that are read for one plan."""
MOST_LISTED: Final = 100_000
"""Objects of one log."""
_THREADS: Final = 8


class MetadataObjects:
    """What is in S3 of one table's metadata."""

    def __init__(
        self,
        s3: Any,
        identity: Identity,
        root: Root,
        ends_at: float,
        sleep: Callable[[float], None] = time.sleep,
        *,
        owner: str = "",
    ) -> None:
        """Read below `root`, until `ends_at` of the monotonic clock; of a bucket of `owner`, where one is named."""
        self._owner = owner
        self._s3, self._identity, self._root, self._ends_at, self._sleep = s3, identity, root, ends_at, sleep
        self._left_bytes = MOST_BYTES

    def looked_at(self, uri: str) -> StoredObject:
        """An object as it is now.

        Raises:
            Unreadable: it is not one of the table's, or is gone.
            AwsRefused, AwsUnreachable: it may not, or cannot, be looked at.
        """
        self._require_time()
        key = self._root.key_of(uri)
        try:
            return looked_at(self._s3, self._identity, f"s3://{self._root.bucket}/{key}", owner=self._owner)
        except ObjectMoved:
            raise Unreadable(f"{uri} is gone, and the table's catalog or metadata name it") from None

    def listed(self, folder: str) -> dict[str, StoredObject]:
        """What is in a folder of the table, not deeper, by its name there.

        Raises:
            Unreadable: that is too much.
            AwsRefused, AwsUnreachable: it may not, or cannot, be listed.
        """
        bucket, prefix = self._root.bucket, f"{self._root.prefix}{folder}/"
        found: dict[str, StoredObject] = {}
        asked = {"ExpectedBucketOwner": self._owner} if self._owner else {}
        paginator = self._s3.get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/", **asked)
        with refusals("s3:ListBucket", self._identity, f"the bucket {bucket}"):
            for page in pages:
                for item in page.get("Contents", ()):
                    key = str(item["Key"])
                    found[key[len(prefix) :]] = StoredObject(f"s3://{bucket}/{key}", item["Size"], item["ETag"])
                if len(found) > MOST_LISTED:
                    raise Unreadable(f"{folder} has more than {MOST_LISTED:,} objects. Clean it up")
                self._require_time()
        return found

    def bring_named(self, uris: Sequence[str], files: Sequence[Path]) -> None:
        """Write each object to its file.

        Raises:
            Unreadable, AwsRefused, AwsUnreachable: as `looked_at` and `bring`.
            OSError: a file cannot be written.
        """
        with ThreadPoolExecutor(_THREADS, "metadata") as pool:
            try:
                found = list(pool.map(self.looked_at, uris))
            finally:
                pool.shutdown(cancel_futures=True)
        self.bring(found, files)

    def bring(self, items: Sequence[StoredObject], files: Sequence[Path]) -> None:
        """Write each object to its file.

        Raises:
            Unreadable: they are larger than any need to be.
            AwsRefused, AwsUnreachable: one may not, or cannot, be read.
            OSError: a file cannot be written.
        """
        for item in items:
            if item.size_bytes > MOST_METADATA_BYTES:
                raise Unreadable(
                    f"{item.uri} has more than {MOST_METADATA_BYTES:,} bytes. Compact the table's metadata"
                )
        self._left_bytes -= sum(item.size_bytes for item in items)
        if self._left_bytes < 0:
            raise Unreadable(f"its metadata have more than {MOST_BYTES:,} bytes. Compact the table")
        wanted = [Wanted(item, file) for item, file in zip(items, files, strict=True)]
        try:
            bring(self._s3, self._identity, wanted, self._wait, owner=self._owner)
        except ObjectMoved as error:
            raise AwsUnreachable(f"{error} Its table is written just now.") from None

    def _wait(self, seconds: float) -> None:
        self._require_time()
        self._sleep(seconds)

    def _require_time(self) -> None:
        if time.monotonic() > self._ends_at:
            raise AwsUnreachable(f"The metadata in the bucket {self._root.bucket} take too long to be read.")
