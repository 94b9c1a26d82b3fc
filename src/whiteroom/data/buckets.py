"""Deliveries to members' own buckets, by each receiver's own rights.

S3 has no rename of a folder. So every file is an upload in parts, which nobody sees; once all are up, and it is
confirmed, they are completed one after the other, and `_SUCCESS` is written last. A receiver that sees files without it
sees a delivery under way, or one that was cut short and is made again (docs/s3.md).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import SERVER, Identity, member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable
from whiteroom.base.locations import folder_parts, parse_location, plain_parts
from whiteroom.data.opening import deliverable_parts
from whiteroom.data.uploads import Target, Uploads
from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.deliveries import DeliveredFile, Destination
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.ports.data import LocalData, UnsafeContents
from whiteroom.ports.deliveries import DeliveredBytes, Deliveries, DeliveryDelayed, DeliveryFailed, DeliveryGone

log = logging.getLogger(__name__)

MANIFEST: Final = "_SUCCESS"
"""Named as Spark and Hadoop name theirs: whatever reads a folder of rows leaves it out."""
_NOTE_SECONDS: Final = 7 * 86_400.0
"""How long uploads are looked for that could not be given up: by then a bucket's own lifecycle rule has."""


@dataclass(frozen=True, slots=True)
class _Note:
    """What a delivery under way has in a bucket."""

    account_id: str | None
    role_arn: str | None
    session_name: str
    bucket: str
    region: str
    prefix: str
    names: list[str]

    @property
    def target(self) -> Target:
        return Target(Identity(self.account_id, self.role_arn, self.session_name), self.bucket, self.region)


@dataclass(frozen=True, slots=True)
class OwnBuckets:
    """The S3 beside the server, as receivers meet it: an account has the bucket that is named as the account."""

    url: str
    own_bucket: str | None
    """The operator's, which belongs to no account."""
    before: Deliveries
    """Where results went before the server had it."""

    def has(self, bucket: str) -> bool:
        """Whether results go to a bucket of that name there."""
        return bucket == self.own_bucket or bool(_ACCOUNT.fullmatch(bucket))


class BucketDeliveries:
    """Implements `ports.Deliveries`."""

    def __init__(
        self,
        root: Path,
        data: LocalData,
        clients: AwsClients,
        regions: BucketRegions,
        beside: OwnBuckets | None = None,
    ) -> None:
        """Deliver files of `data` to buckets.

        Args:
            root: where notes are kept of what is under way.
            data: what is delivered.
            clients: sign for receivers.
            regions: where the buckets are.
            beside: the S3 that they are in, where that is not AWS's.
        """
        self._under_way = root
        self._data = data
        self._clients = clients
        self._regions = regions
        self._beside = beside

    def deliver(
        self,
        destination: Destination,
        job_id: str,
        path: str,
        sources: Iterable[tuple[str, DataRef]],
        confirm: Callable[[Sequence[DeliveredFile]], object] = lambda _files: None,
    ) -> None:
        """See `ports.Deliveries.deliver`."""
        wanted = [("/".join(deliverable_parts(name)), self._data.path(source)) for name, source in sources]
        if any(name == MANIFEST for name, _ in wanted):
            raise UnsafeContents(
                f"The file name {MANIFEST!r} is that of the manifest, which every delivery to a bucket ends with. "
                "Nothing was delivered: let the program give the file another name."
            )
        try:
            place = parse_location(destination.location)
            prefix = "".join(f"{folder}/" for folder in (*place.folders, *folder_parts(path, "The path")))
        except ValueError as error:
            raise DeliveryFailed(
                "The receiver's location is none that files can be put at. The receiver must set another one."
            ) from error
        owner = destination.owner_account_id
        if self._beside is not None and owner not in {None, place.bucket}:
            raise DeliveryFailed(_REFUSED, for_receiver=_no_bucket_of(place.bucket, str(owner)))
        identity = SERVER if owner is None else member(owner, destination.role_arn, job_id)
        target = Target(identity, place.bucket, self._regions.of(place.bucket))
        with self._as_delivery_errors(identity):
            self._give_up_earlier(target, prefix)
            uploads = Uploads(self._clients, target)
            with self._noted(target, prefix, [name for name, _ in wanted], uploads), uploads:
                files = [uploads.upload(prefix, name, source) for name, source in wanted]
                confirm(files)
                uploads.complete()
                uploads.put(prefix + MANIFEST, _manifest(job_id, files))

    def open_delivered(
        self, location: str, path: str, file: DeliveredFile, start: int = 0, length: int | None = None
    ) -> DeliveredBytes:
        """See `ports.Deliveries.open_delivered`. The server may write to a receiver's bucket, and not read it."""
        folder_parts(path, "The path")
        plain_parts(file.name, "The file name")
        bucket = parse_location(location).bucket
        if self._beside is not None and not self._beside.has(bucket):
            return self._beside.before.open_delivered(location, path, file, start, length)
        if self._beside is not None:
            raise DeliveryGone(
                f"The file is in the bucket {bucket} of the S3 beside this server, at {self._beside.url}: fetch it "
                "there, by `aws s3 cp` or any client of S3. One that was delivered before the server had that S3 is "
                "the operator's to copy out: `whiteroom results get`."
            )
        raise DeliveryGone(
            "The file is in the receiver's own bucket: fetch it there, by `aws s3 cp` or any client of S3. One that "
            "was delivered before results went to buckets is the operator's to copy out: `whiteroom results get`."
        )

    def sweep(self) -> None:
        """Give up the uploads of deliveries that were cut short. What cannot be reached waits for the next start."""
        for note, forget in self._cut_short():
            self._give_up(note, forget)

    @contextlib.contextmanager
    def _as_delivery_errors(self, identity: Identity) -> Iterator[None]:
        """Say to everybody that nothing was delivered, and to the receiver alone why."""
        try:
            yield
        except AwsRefused as error:
            self._clients.forget(identity)  # what is mended, a profile or a role, is seen by the next attempt
            raise DeliveryFailed(_REFUSED, for_receiver=str(error)) from error
        except AwsUnreachable as error:
            self._clients.forget(identity)
            raise DeliveryDelayed(_DELAYED, for_receiver=str(error)) from error

    @contextlib.contextmanager
    def _noted(self, target: Target, prefix: str, names: list[str], uploads: Uploads) -> Iterator[None]:
        """While files are on their way, there is a locked note of them: one whose lock is free was cut short.

        It stays where something is left in the bucket that nobody sees.
        """
        self._under_way.mkdir(parents=True, exist_ok=True)
        fd, draft = tempfile.mkstemp(prefix=".", dir=self._under_way)
        note = self._under_way / Path(draft).name[1:]
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            of = target.identity
            said = _Note(of.account_id, of.role_arn, of.session_name, target.bucket, target.region, prefix, names)
            os.write(fd, json.dumps(asdict(said)).encode())
            os.fsync(fd)
            Path(draft).rename(note)
            yield
        finally:
            Path(draft).unlink(missing_ok=True)
            if not uploads.left:
                note.unlink(missing_ok=True)
            os.close(fd)

    def _give_up_earlier(self, target: Target, prefix: str) -> None:
        """Give up what an earlier attempt left at the same place, when the bucket did not answer it."""
        for note, forget in self._cut_short():
            if (note.bucket, note.prefix) == (target.bucket, prefix):
                self._give_up(note, forget)

    def _cut_short(self) -> Iterator[tuple[_Note, Callable[[], None]]]:
        """Every note whose delivery is over, and what removes it."""
        for path in sorted(self._under_way.glob("*")):
            # What is another store's, and under way, is locked.
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    note = _Note(**json.loads(file.read()))
                except (ValueError, TypeError):  # it was not written whole: nothing had begun
                    path.unlink()
                    continue
                if time.time() - path.stat().st_mtime > _NOTE_SECONDS:
                    log.warning(
                        "uploads to the bucket %s are no longer looked for: its owner removes them", note.bucket
                    )
                    path.unlink()
                    continue
                yield note, path.unlink

    def _give_up(self, note: _Note, forget: Callable[[], None]) -> None:
        try:
            with Uploads(self._clients, note.target) as uploads:
                uploads.give_up(note.prefix, note.names)
        except (AwsRefused, AwsUnreachable) as error:
            log.warning("what a delivery that was cut short has uploaded is still there: %s", error)
        else:
            forget()


_ACCOUNT: Final = re.compile("[0-9]{12}")
_REFUSED: Final = (
    "The receiver's location took nothing. Whoever can mend it was told why; once that is done, ask for the same again."
)
_DELAYED: Final = (
    "The receiver's location did not answer, for as long as the server tries. Ask for the same again when it does."
)


def _no_bucket_of(bucket: str, account_id: str) -> str:
    return (
        f"The location is in the bucket {bucket}, and results go to the S3 beside the server, where the account "
        f"{account_id} has the bucket {account_id} alone. Set a location in s3://{account_id}/ (PutMLConfiguration for "
        "exports and inference jobs, the membership's defaultResultConfiguration or the query's own for queries), and "
        "ask for the same again."
    )


def _manifest(job_id: str, files: Sequence[DeliveredFile]) -> bytes:
    listed = [{"name": file.name, "sizeBytes": file.size_bytes, "sha256": file.sha256} for file in files]
    return json.dumps({"job": job_id, "files": listed}, indent=1).encode()
