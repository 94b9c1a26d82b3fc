"""Calls to S3: a bucket below a prefix, as the server's own identity.

What goes wrong is the operator's to mend (`Trouble`), and the step that met it is tried again: nobody else owns this
place. Objects are written with SHA-256 checksums, which the store holds them to.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import ClientError

from whiteroom.aws.identities import SERVER
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable, code_of, refusals
from whiteroom.base.locations import Location
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.objects import Listed
from whiteroom.envelope.streams import Reader, Writer

OWNER: Final = "whiteroom.json"
"""Names the one server that keeps its data below the prefix."""
PIECE_BYTES: Final = 16 << 20
"""What is larger goes in parts of that size, and what is not in one call."""
_MOST_PARTS: Final = 9_000
"""S3 takes 10,000."""
_AT_A_TIME: Final = 4
_DELETED_AT_ONCE: Final = 1_000
"""S3's limit of DeleteObjects."""
_NOT_THERE: Final = frozenset({"NoSuchKey", "404"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412", "NoSuchKey"})
"""What a store answers where the condition of a write does not hold."""
_OTHERS: Final = frozenset({"PreconditionFailed", "412", "InvalidRange", "416"})
"""What a store answers to a range of an object that is not the one that was meant."""
_OF_CREDENTIALS: Final = frozenset({"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"})
_GONE_UPLOAD: Final = frozenset({"NoSuchUpload", "404"})


class Altered(Exception):
    """An object is not the one that it was."""


class Bucket:
    """Implements `Objects` (objects.py) by a bucket below a prefix."""

    def __init__(self, connect: Callable[[], Any], place: Location, server_id: str | None) -> None:
        """Nothing is asked before something is called for.

        Args:
            connect: answers a client of boto3's.
            place: where.
            server_id: of the server that keeps its data there, and that no other one's is touched by; None to read
                alone, whosever it is.
        """
        self._connect = connect
        self._bucket = place.bucket
        self._prefix = "".join(f"{folder}/" for folder in place.folders)
        self._server_id = server_id
        self._lock, self._connecting = threading.Lock(), threading.Lock()
        self._claimed = server_id is None
        self._client: Any = None

    def shown(self, name: str = "") -> str:
        """Where something is, for a message."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def claim(self) -> None:
        """Be the one server that keeps its data here; safe to repeat, and done before anything else is.

        Raises:
            Trouble: another one is, or it cannot be found out.
        """
        with self._lock:
            if self._claimed:
                return
            wanted = json.dumps({"server": self._server_id}).encode()
            if not self._write(OWNER, wanted, None):
                found = self._read(OWNER)
                if found is None or _server_in(found[0]) != self._server_id:
                    raise Trouble(
                        f"At {self.shown()} another server keeps its data ({self.shown(OWNER)} names it): give this "
                        "one a prefix of its own in the setting data. Where this server's folder was restored from a "
                        "backup, restore its data.json too."
                    )
            self._claimed = True

    def read(self, name: str) -> tuple[bytes, str] | None:
        """A small object, and its etag; None where there is none."""
        self.claim()
        return self._read(name)

    def write(self, name: str, data: bytes, etag: str | None) -> bool:
        """Write a small object, unless somebody else has: in place of the one with that etag, or a new one for None."""
        self.claim()
        return self._write(name, data, etag)

    def upload(self, name: str, reader: Reader, size_bytes: int) -> None:
        """Write an object whole, in parts where it is large; what it interrupts leaves no object."""
        self.claim()
        if size_bytes <= PIECE_BYTES:
            data = reader.read(size_bytes)
            with self._asked("PutObject", name):
                self._connected().put_object(**self._at(name), Body=data, ChecksumSHA256=_checksum(data))
            return
        with self._asked("UploadPart", name), self._transfers(size_bytes) as transfers:
            transfers.upload(reader, *self._at(name).values(), extra_args={"ChecksumAlgorithm": "SHA256"}).result()

    def download(self, name: str, writer: Writer, size_bytes: int) -> None:
        """Read an object of about that size.

        Raises:
            FileNotFoundError: there is none.
        """
        self.claim()
        try:
            with self._asked("GetObject", name):
                if size_bytes <= PIECE_BYTES:
                    writer.write(self._connected().get_object(**self._at(name))["Body"].read())
                    return
                with self._transfers(size_bytes) as transfers:
                    transfers.download(*self._at(name).values(), writer).result()
        except _MissingError:
            raise FileNotFoundError(self.shown(name)) from None

    def piece(self, name: str, start: int, stop: int, etag: str | None) -> tuple[bytes, str]:
        """The bytes of an object from `start` to before `stop`, and its etag.

        Args:
            name: the object's.
            start: the first.
            stop: what comes after the last.
            etag: the only one that it may have; None for any.

        Raises:
            FileNotFoundError: there is none.
            Altered: it is not the one with that etag.
        """
        self.claim()
        condition = {} if etag is None else {"IfMatch": etag}
        try:
            with self._asked("GetObject", name):
                try:
                    range_ = f"bytes={start}-{stop - 1}"
                    answer = self._connected().get_object(**self._at(name), Range=range_, **condition)
                except ClientError as error:
                    if code_of(error) in _OTHERS:
                        raise Altered(self.shown(name)) from None
                    raise
                found, data = str(answer["ETag"]), answer["Body"].read(stop - start + 1)
        except _MissingError:
            raise FileNotFoundError(self.shown(name)) from None
        if len(data) != stop - start or found != (etag or found):
            raise Altered(self.shown(name))
        return data, found

    def names(self, folder: str) -> Iterator[str]:
        """The names of objects and folders that are directly in a folder, without it."""
        for page in self._pages("list_objects_v2", "ListBucket", folder, Delimiter="/"):
            yield from (self._below(item["Key"], folder) for item in page.get("Contents", ()))
            yield from (self._below(item["Prefix"], folder).rstrip("/") for item in page.get("CommonPrefixes", ()))

    def objects(self, folder: str) -> Iterator[Listed]:
        """Every object below a folder."""
        for page in self._pages("list_objects_v2", "ListBucket", folder):
            yield from (Listed(self._below(item["Key"]), item["LastModified"]) for item in page.get("Contents", ()))

    def uploads(self, folder: str) -> Iterator[Listed]:
        """Every upload in parts below a folder that is not finished."""
        for page in self._pages("list_multipart_uploads", "ListBucketMultipartUploads", folder):
            for item in page.get("Uploads", ()):
                yield Listed(self._below(item["Key"]), item["Initiated"], item["UploadId"])

    def abort(self, upload: Listed) -> None:
        """Throw away what has come of an upload. One that is gone is a success."""
        with self._asked("AbortMultipartUpload", upload.name):
            try:
                self._connected().abort_multipart_upload(**self._at(upload.name), UploadId=upload.upload_id)
            except ClientError as error:
                if code_of(error) not in _GONE_UPLOAD:
                    raise

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects. What is not there is a success."""
        self.claim()
        keys = [{"Key": self._prefix + name} for name in names]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            some = keys[start : start + _DELETED_AT_ONCE]
            with self._asked("DeleteObject", ""):
                answer = self._connected().delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})
                for error in answer.get("Errors", ()):
                    raise ClientError({"Error": error}, "DeleteObjects")

    def versions_are_kept(self) -> bool:
        """Whether the bucket keeps what is deleted or replaced, as an earlier version."""
        self.claim()
        with self._asked("GetBucketVersioning", ""):
            return self._connected().get_bucket_versioning(Bucket=self._bucket).get("Status") is not None

    def _connected(self) -> Any:
        with self._connecting:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _read(self, name: str) -> tuple[bytes, str] | None:
        try:
            with self._asked("GetObject", name):
                answer = self._connected().get_object(**self._at(name))
                return answer["Body"].read(), answer["ETag"]
        except _MissingError:
            return None

    def _write(self, name: str, data: bytes, etag: str | None) -> bool:
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with self._asked("PutObject", name):
            try:
                self._connected().put_object(**self._at(name), Body=data, ChecksumSHA256=_checksum(data), **condition)
            except ClientError as error:
                if code_of(error) not in _CHANGED:
                    raise
                return False
        return True

    def _pages(self, operation: str, call: str, folder: str, **options: str) -> Iterator[dict[str, Any]]:
        self.claim()
        with self._asked(call, folder):
            paginator = self._connected().get_paginator(operation)
            yield from paginator.paginate(Bucket=self._bucket, Prefix=self._prefix + folder, **options)

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}

    def _below(self, key: str, folder: str = "") -> str:
        return key[len(self._prefix) + len(folder) :]

    @contextmanager
    def _transfers(self, size_bytes: int) -> Iterator[Any]:
        from s3transfer.manager import TransferConfig, TransferManager  # noqa: PLC0415 - comes with boto3, an extra

        piece_bytes = max(PIECE_BYTES, -(-size_bytes // _MOST_PARTS))
        config = TransferConfig(
            multipart_threshold=piece_bytes,
            multipart_chunksize=piece_bytes,
            max_request_concurrency=_AT_A_TIME,
            max_in_memory_upload_chunks=_AT_A_TIME,
            max_in_memory_download_chunks=_AT_A_TIME,
        )
        with TransferManager(self._connected(), config) as transfers:
            yield transfers

    @contextmanager
    def _asked(self, call: str, name: str) -> Iterator[None]:
        """Turn what a call raises into `_MissingError`, or into a sentence for the operator."""
        try:
            with refusals(f"s3:{call}", SERVER, self.shown(name)), _retries_exceeded():
                yield
        except (AwsRefused, AwsUnreachable) as error:
            cause = error.__cause__
            if not isinstance(cause, ClientError) or code_of(cause) in _OF_CREDENTIALS:
                self._client = None  # the next one has the credentials that the operator mends
            if isinstance(cause, ClientError) and code_of(cause) in _NOT_THERE and call == "GetObject":
                raise _MissingError from error
            raise Trouble(f"What the server keeps in S3 cannot be used: {error}") from error


class _MissingError(Exception):
    """There is no such object."""


@contextmanager
def _retries_exceeded() -> Iterator[None]:
    """A download whose connection was cut again and again, in botocore's words for the last time."""
    from s3transfer.exceptions import RetriesExceededError  # noqa: PLC0415 - comes with boto3, an extra

    try:
        yield
    except RetriesExceededError as error:
        raise AwsUnreachable(f"s3:GetObject was cut short again and again: {error.last_exception}") from error


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _server_in(data: bytes) -> object:
    try:
        document = json.loads(data)
    except ValueError:
        return None
    return document.get("server") if isinstance(document, dict) else None
