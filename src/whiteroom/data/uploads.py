"""Files on their way into one bucket: in parts with checksums, seen by nobody until they are completed."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from base64 import b64encode
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Self

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import Identity
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable, refusals
from whiteroom.data.opening import copy_exactly, opened
from whiteroom.domain.execution.deliveries import DeliveredFile

log = logging.getLogger(__name__)

PART_BYTES: Final = 8 << 20
MOST_PARTS: Final = 10_000
"""Of one upload: S3's limit. A larger file has larger parts."""
AT_A_TIME: Final = 4
"""Parts of one delivery that are on their way: so many are in memory, and one more."""


@dataclass(frozen=True, slots=True)
class Target:
    """A bucket, and who writes to it."""

    identity: Identity
    bucket: str
    region: str

    @property
    def arguments(self) -> dict[str, str]:
        """Of every call: S3 refuses one whose bucket is another account's."""
        owner = self.identity.account_id
        return {"Bucket": self.bucket} | ({} if owner is None else {"ExpectedBucketOwner": owner})


@dataclass(slots=True)
class _Upload:
    """One file on its way."""

    key: str
    id: str
    parts: list[Future[dict[str, Any]]] = field(default_factory=list)


class Uploads:
    """Several files on their way into one bucket. What was not completed is given up at the end."""

    def __init__(self, clients: AwsClients, target: Target) -> None:
        """Write to `target`.

        Raises:
            AwsRefused: nobody can sign for it.
        """
        self._target = target
        self._client = clients.client("s3", target.identity, target.region)
        self._threads = ThreadPoolExecutor(AT_A_TIME, "upload")
        self._open: list[_Upload] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._open = [upload for upload in self._open if not self._aborted(upload)]

    @property
    def left(self) -> bool:
        """Whether something is in the bucket that nobody sees."""
        return bool(self._open)

    def upload(self, prefix: str, name: str, source: str) -> DeliveredFile:
        """Send a file, regular and without another name, under `prefix` and `name`, where nobody sees it yet.

        Raises:
            UnsafeContents: it is something else, or changes meanwhile.
            AwsRefused: it is not taken.
            AwsUnreachable: it could not be sent.
        """
        digest = hashlib.sha256()
        with opened(source, name.rpartition("/")[2]) as (fd, facts):
            upload = self._begin(prefix + name)
            part_bytes = max(PART_BYTES, -(-facts.st_size // MOST_PARTS))
            part = bytearray()

            def take(piece: memoryview) -> None:
                nonlocal part
                digest.update(piece)
                while piece:
                    room = part_bytes - len(part)
                    part += piece[:room]
                    piece = piece[room:]
                    if len(part) == part_bytes:
                        self._send(upload, bytes(part))
                        part = bytearray()

            copy_exactly(fd, facts.st_size, name.rpartition("/")[2], facts, take)
            if part or not upload.parts:  # an empty file is one part of nothing
                self._send(upload, bytes(part))
            for sent in upload.parts:
                sent.result()
        return DeliveredFile(name, facts.st_size, digest.hexdigest())

    def complete(self) -> None:
        """Let every file be seen, one after the other."""
        for upload in list(self._open):
            parts = [sent.result() for sent in upload.parts]
            with self._refusals("CompleteMultipartUpload"):
                self._client.complete_multipart_upload(
                    Key=upload.key, UploadId=upload.id, MultipartUpload={"Parts": parts}, **self._target.arguments
                )
            self._open.remove(upload)

    def put(self, key: str, body: bytes) -> None:
        """Write a small file at once."""
        with self._refusals("PutObject"):
            self._client.put_object(
                Key=key,
                Body=body,
                ContentType="application/json",
                ChecksumSHA256=_sha256(body),
                **self._target.arguments,
            )

    def give_up(self, prefix: str, names: Iterable[str]) -> None:
        """Give up whatever is on its way under these names below the prefix, whoever began it.

        Raises:
            AwsRefused: it may not be looked for, or not be given up.
            AwsUnreachable: the bucket does not answer.
        """
        keys = {prefix + name for name in names}
        with self._refusals("ListMultipartUploads"):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Prefix=prefix, **self._target.arguments
            )
            found = [(one["Key"], one["UploadId"]) for page in pages for one in page.get("Uploads", ())]
        for key, upload_id in found:
            if key in keys:
                self._abort(key, upload_id)

    def _begin(self, key: str) -> _Upload:
        with self._refusals("CreateMultipartUpload"):
            begun = self._client.create_multipart_upload(Key=key, ChecksumAlgorithm="SHA256", **self._target.arguments)
        upload = _Upload(key, begun["UploadId"])
        self._open.append(upload)
        return upload

    def _send(self, upload: _Upload, body: bytes) -> None:
        """Send a part on another thread, once there is one; of a part that failed the reason is raised here."""
        if len(upload.parts) >= AT_A_TIME:
            upload.parts[-AT_A_TIME].result()
        upload.parts.append(self._threads.submit(self._send_now, upload, len(upload.parts) + 1, body))

    def _send_now(self, upload: _Upload, number: int, body: bytes) -> dict[str, Any]:
        checksum = _sha256(body)
        with self._refusals("UploadPart"):
            sent = self._client.upload_part(
                Key=upload.key,
                UploadId=upload.id,
                PartNumber=number,
                Body=body,
                ChecksumSHA256=checksum,
                **self._target.arguments,
            )
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum}

    def _aborted(self, upload: _Upload) -> bool:
        try:
            self._abort(upload.key, upload.id)
        except (AwsRefused, AwsUnreachable) as error:
            log.warning("an upload waits to be given up: %s", error)
            return False
        return True

    def _abort(self, key: str, upload_id: str) -> None:
        with self._refusals("AbortMultipartUpload"), contextlib.suppress(self._client.exceptions.NoSuchUpload):
            self._client.abort_multipart_upload(Key=key, UploadId=upload_id, **self._target.arguments)

    def _refusals(self, operation: str) -> Any:
        return refusals(f"s3:{operation}", self._target.identity, f"the bucket {self._target.bucket}")


def _sha256(body: bytes) -> str:
    return b64encode(hashlib.sha256(body).digest()).decode()
