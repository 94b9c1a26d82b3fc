"""Downloads objects of S3 to files: exactly what was listed, or nothing."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import ClientError

from whiteroom.aws.identities import Identity
from whiteroom.aws.refusals import AwsUnreachable, code_of, refusals
from whiteroom.base.archives import shown
from whiteroom.domain.privacy.query_tables import StoredObject
from whiteroom.ports.catalog import UnusableFiles

PART_BYTES: Final = 8 << 20
_THREADS: Final = 8
_PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Between the tries of one part, each of which botocore has tried several times."""
_MOVED: Final = frozenset({"412", "404", "416", "PreconditionFailed", "NoSuchKey", "NoSuchVersion", "InvalidRange"})
_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_MAX_FOLDER_BYTES: Final = 255
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME: Final = 100

Sleep = Callable[[float], None]


class ObjectMoved(Exception):
    """An object is gone, or another one by now: what was listed cannot be had any more."""


@dataclass(frozen=True, slots=True)
class _Part:
    item: StoredObject
    file: Path
    begin: int
    length: int

    @property
    def is_whole(self) -> bool:
        return self.length == self.item.size_bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object, and the file that is made of it, whose folder is there."""

    item: StoredObject
    file: Path
    ranges: Sequence[tuple[int, int]] | None = None
    """Of its bytes, the first and the one behind the last; what is in none of them is a hole. None for all."""


def wanted_in(folder: Path, items: Sequence[StoredObject], partitions: Sequence[str]) -> list[Wanted]:
    """Where objects' bytes are put: folders are named for partitions' values, and objects' names only serve messages.

    Raises:
        UnusableFiles: a folder cannot be called as a partition is.
    """
    return [Wanted(item, _file(folder, number, item, partitions)) for number, item in enumerate(items)]


def _file(folder: Path, number: int, item: StoredObject, partitions: Sequence[str]) -> Path:
    place = folder
    for name, value in zip(partitions, item.partition, strict=True):
        part = f"{name}={_NULL if value is None else quote(value, safe='')}"
        if value == "" or len(part.encode()) > _MAX_FOLDER_BYTES or not name.isprintable() or {"/", "="} & set(name):
            raise UnusableFiles(f"a value of its partition '{name}' is empty or too long")
        place /= part
    place.mkdir(parents=True, exist_ok=True)
    file_name = _PLAIN.sub("_", item.uri.rpartition("/")[2])[-_MAX_NAME:]
    return place / f"{number:06}-{file_name}"


def bring(s3: Any, identity: Identity, wanted: Sequence[Wanted], sleep: Sleep = time.sleep, *, owner: str = "") -> None:
    """Write each object to its file, several parts at a time.

    Args:
        s3: signs as the table's owner.
        identity: the owner's, for sentences.
        wanted: objects; a file that is there is filled further.
        sleep: waits for so many seconds.
        owner: the account that must own their buckets; empty where any may.

    Raises:
        ObjectMoved: one is no longer what was listed.
        AwsRefused: one may not be read.
        AwsUnreachable: one could not be read whole, however often it was tried.
        OSError: a file cannot be written.
    """
    with ThreadPoolExecutor(_THREADS, "bring") as pool:
        try:
            for _ in pool.map(lambda part: _bring_part(s3, identity, part, sleep, owner), _parts(wanted)):
                pass
        finally:
            pool.shutdown(cancel_futures=True)


def looked_at(s3: Any, identity: Identity, uri: str, *, owner: str = "") -> StoredObject:
    """An object as it is now; of a bucket of `owner`, where one is named.

    Raises:
        ObjectMoved: it is gone.
        AwsRefused, AwsUnreachable: it may not, or cannot, be looked at.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    with refusals("s3:HeadObject", identity, f"the bucket {bucket}"):
        try:
            found = s3.head_object(Bucket=bucket, Key=key, **({"ExpectedBucketOwner": owner} if owner else {}))
        except ClientError as error:
            if code_of(error) in _MOVED:
                raise ObjectMoved(f"{uri} is gone.") from None
            raise
    return StoredObject(uri, int(found["ContentLength"]), str(found["ETag"]))


def with_etags(s3: Any, identity: Identity, wanted: Sequence[Wanted], *, owner: str = "") -> list[Wanted]:
    """The same, in which each object of several parts says which one it is, so that all are of that.

    Raises:
        ObjectMoved: one is not as long as its table's metadata say, or is gone.
        AwsRefused, AwsUnreachable: one may not, or cannot, be looked at.
    """

    def one(of: Wanted) -> Wanted:
        if of.item.etag or of.item.size_bytes <= PART_BYTES:
            return of
        found = looked_at(s3, identity, of.item.uri, owner=owner)
        if found.size_bytes != of.item.size_bytes:
            raise ObjectMoved(f"{found.uri} has another length than its table's metadata say.")
        return replace(of, item=replace(of.item, etag=found.etag))

    with ThreadPoolExecutor(_THREADS, "look") as pool:
        try:
            return list(pool.map(one, wanted))
        finally:
            pool.shutdown(cancel_futures=True)


def _parts(wanted: Sequence[Wanted]) -> Iterator[_Part]:
    for one in wanted:
        handle = os.open(one.file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.truncate(handle, one.item.size_bytes)
        finally:
            os.close(handle)
        for begin, end in one.ranges if one.ranges is not None else [(0, one.item.size_bytes)]:
            for at in range(begin, end, PART_BYTES):
                yield _Part(one.item, one.file, at, min(PART_BYTES, end - at))


def _bring_part(s3: Any, identity: Identity, part: _Part, sleep: Sleep, owner: str) -> None:
    for pause in (*_PAUSES_SECONDS, None):
        try:
            _write_at(part, _read(s3, identity, part, owner))
        except AwsUnreachable:
            if pause is None:
                raise
            sleep(pause)
        else:
            return


def _read(s3: Any, identity: Identity, part: _Part, owner: str) -> bytes:
    bucket, _, key = part.item.uri.removeprefix("s3://").partition("/")
    asked = {} if part.is_whole else {"Range": f"bytes={part.begin}-{part.begin + part.length - 1}"}
    asked |= {"IfMatch": part.item.etag} if part.item.etag else {}
    asked |= {"ExpectedBucketOwner": owner} if owner else {}
    with refusals("s3:GetObject", identity, f"the bucket {bucket}"):
        try:
            answer = s3.get_object(Bucket=bucket, Key=key, **asked)
        except ClientError as error:
            if code_of(error) in _MOVED:
                raise ObjectMoved(f"{shown(part.item.uri)} is gone, or was written anew since it was listed.") from None
            raise
        with closing(answer["Body"]) as body:
            read = _read_up_to(body, part.length)
    if not part.item.etag and answer.get("ContentLength") != part.length:
        raise ObjectMoved(f"{part.item.uri} has another length than its table's metadata say.")
    # A store that answers with less, or with another object's bytes, has answered nothing.
    if len(read) != part.length or (part.item.etag and answer.get("ETag") != part.item.etag):
        raise AwsUnreachable(f"s3:GetObject on the bucket {bucket} answered {len(read):,} of {part.length:,} bytes.")
    return read


def _read_up_to(body: Any, length: int) -> bytes:
    """What a store answers, and no more than one byte more than was asked for: metadata may lie about a length."""
    read: bytes = body.read(length + 1)
    # Past its end, the client looks at whether it was all that the store had said.
    return read if len(read) > length else read + body.read(1)


def _write_at(part: _Part, read: bytes) -> None:
    with part.file.open("r+b", buffering=0) as stream:
        stream.seek(part.begin)
        view = memoryview(read)
        while view:
            view = view[stream.write(view) :]
