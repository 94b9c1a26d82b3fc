"""Results: what was delivered to a member, and may be fetched by it and by nobody else.

What was delivered is a member's for good, as it is in a bucket of its own at AWS: neither leaving the collaboration nor
a rule that is taken back later undoes it. A delivery is written down when its files are copied and none can be seen
yet, and from then on nothing that went to the same folder before can be fetched: its files may be replaced at any
moment, and buckets of the folder store have no owner that would keep two members out of one.

Operations: operations/whiteroom/results.py. Controllers: controllers/results.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.domain.verdicts import Denied


class ResultKind(StrEnum):
    """What gave it."""

    PROTECTED_QUERY = "PROTECTED_QUERY"
    """Rows of a member's query."""
    EXPORT_JOB = "TRAINED_MODEL_EXPORT_JOB"
    """Artefacts of a trained model."""
    INFERENCE_JOB = "TRAINED_MODEL_INFERENCE_JOB"
    """What a model answered for the rows of a channel."""


class ResultStatus(StrEnum):
    """What has become of a delivery."""

    UNDER_WAY = "UNDER_WAY"
    """Its files are copied, and are being put in place; or never were, where that failed."""
    DELIVERED = "DELIVERED"
    """It can be fetched."""
    REFUSED = "REFUSED"
    """The receiver's location took nothing, or has not answered yet: its `reason` says which, to the receiver alone."""
    REPLACED = "REPLACED"
    """Another delivery was put in the same folder."""
    EXPIRING = "EXPIRING"
    """The days are over for which it is kept (retention.py): its files are being erased."""
    EXPIRED = "EXPIRED"
    """They are erased."""


_OVER = frozenset({ResultStatus.EXPIRING, ResultStatus.EXPIRED})
_NOT_THERE = frozenset({ResultStatus.UNDER_WAY, ResultStatus.REFUSED})


@dataclass(frozen=True, slots=True)
class Result:
    """One delivery of one job to one account."""

    id: str
    account_id: str
    """To whom."""
    collaboration_id: str
    kind: ResultKind
    job_id: str
    """Of the job's record."""
    job_name: str
    """What members call the job; of a query its identifier."""
    asked_by: str
    """The account that asked for the job."""
    location: str
    """The receiver's, as it was: `s3://BUCKET/PREFIX`."""
    path: str
    """The folder below it."""
    place: str
    """Both as one (deliveries.delivery_place): of two deliveries that write to the same folder it is the same."""
    files: tuple[Mapping[str, Any], ...]
    """Documents of DeliveredFile."""
    status: ResultStatus
    reason: str | None
    """Of REFUSED."""
    created_at: datetime
    delivered_at: datetime | None

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(one.size_bytes for one in files_of(self))


def file_documents(files: Iterable[DeliveredFile]) -> tuple[Mapping[str, Any], ...]:
    """As a record keeps them."""
    return tuple({"name": one.name, "sizeBytes": one.size_bytes, "sha256": one.sha256} for one in files)


def files_of(result: Result) -> tuple[DeliveredFile, ...]:
    """The files of a delivery, as they were when it was made."""
    return tuple(DeliveredFile(one["name"], one["sizeBytes"], one["sha256"]) for one in result.files)


def fetchable(result: Result | None, result_id: str, account_id: str) -> Result | Denied:
    """The delivery that an account may fetch; another's looks as if it did not exist.

    Args:
        result: the record of that id, whoever's it is.
        result_id: what was asked for.
        account_id: who asks.
    """
    if result is None or result.account_id != account_id or result.status in _NOT_THERE:
        return Denied(
            f"Nothing was delivered to account {account_id} as the result {result_id}. "
            "Use a resultIdentifier that ListResults answers."
        )
    if result.status in _OVER:
        return Denied(
            f"The result {result_id} is not there any more: the days are over for which this server keeps results. "
            "Start the job again."
        )
    if result.status is ResultStatus.REPLACED:
        return Denied(
            f"The result {result_id} is not there any more: another delivery was put in the same folder. "
            "ListResults tells what can be fetched."
        )
    return result


def file_in(result: Result, name: str) -> DeliveredFile | Denied:
    """The file of a delivery of exactly that name."""
    files = files_of(result)
    found = next((one for one in files if one.name == name), None)
    if found is not None:
        return found
    some = ", ".join(one.name for one in files[:5])
    more = " and others" if len(files) > 5 else ""
    return Denied(f"The result {result.id} has no such file. It has {some or 'none'}{more}.")
