"""What was delivered to a member, from the server's own address: listed, and brought into a folder, file by file."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from whiteroom.notebook.answers import Rows
from whiteroom.notebook.resources import CLEANROOMS, INFERENCE_JOB, QUERY, Clients, resource_of
from whiteroom.notebook.waiting import is_export

WHITEROOM = "whiteroom"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Job:
    """Whose results are meant. Its name is its own among one account's jobs in a collaboration, and nowhere else."""

    kind: str
    name: str
    collaboration: str | None = None
    account: str | None = None

    def gave(self, result: Mapping[str, Any]) -> bool:
        """Whether it gave that result."""
        same = (result["type"], result["jobName"]) == (self.kind, self.name)
        return same and self.account in {None, result["requesterAccountId"]}


def results(clients: Clients, answer: Mapping[str, Any]) -> Rows:
    """The summaries of ListResults, the newest first: of a job, of a query, or of all that such a request asks for."""
    job = _job_of(clients, answer)
    if job is None:
        asked = {name: answer[name] for name in ("collaborationIdentifier", "status") if name in answer}
    else:
        asked = {"collaborationIdentifier": job.collaboration} if job.collaboration else {}
    found = []
    token: dict[str, str] = {}
    while True:
        page = clients(WHITEROOM).list_results(maxResults=100, **asked, **token)
        found += page["results"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    return Rows(one for one in found if job is None or job.gave(one))


def _job_of(clients: Clients, answer: Mapping[str, Any]) -> _Job | None:
    """The job or the query that is meant; None: all are."""
    if is_export(answer):
        return _Job("TRAINED_MODEL_EXPORT_JOB", answer["name"], *_place_of(clients, answer))
    if INFERENCE_JOB.key in answer:
        if "name" not in answer:
            raise ValueError("Wait for the inference job first, and give what `wait` answers.")
        return _Job("TRAINED_MODEL_INFERENCE_JOB", answer["name"], *_place_of(clients, answer))
    if "protectedQuery" in answer or QUERY.key in answer:
        return _Job("PROTECTED_QUERY", str(resource_of(answer).request[QUERY.key]))
    return None


def _place_of(clients: Clients, answer: Mapping[str, Any]) -> tuple[str, str]:
    """In which collaboration a job is, and whose it is."""
    if {"collaborationIdentifier", "creatorAccountId"} <= answer.keys():
        return answer["collaborationIdentifier"], answer["creatorAccountId"]
    membership = clients(CLEANROOMS).get_membership(membershipIdentifier=answer["membershipIdentifier"])["membership"]
    return membership["collaborationId"], membership["arn"].split(":")[4]


def fetch(clients: Clients, answer: Mapping[str, Any], to: Path, s3: Any = None) -> list[Path]:
    """Bring the files of a result into a folder of its own in `to`; where they are, in the order of their names.

    A file is there whole or not at all, and has the SHA-256 that was recorded when it was delivered; one that is there
    already with that SHA-256 is not fetched again.

    Args:
        clients: the member's.
        answer: a result, or the job whose newest is meant.
        to: the folder.
        s3: boto3's client of the S3 where results are, if the server may not read them there.

    Raises:
        LookupError: nothing was delivered.
        ValueError: a file is not what was delivered, or its name leads out of the folder.
    """
    if "resultIdentifier" not in answer:
        delivered = results(clients, answer)
        if not delivered:
            raise LookupError(
                "Nothing was delivered to this account that can be fetched here. `results(status='REFUSED')` has "
                "what its own bucket refused. At AWS results are in the bucket that the request named."
            )
        answer = delivered[0]
    folder = to / _inside(answer["resultIdentifier"])

    def body(name: str) -> Any:
        if s3 is None:
            return clients(WHITEROOM).get_result(resultIdentifier=answer["resultIdentifier"], fileName=name)["body"]
        bucket, _, prefix = str(answer["location"]).removeprefix("s3://").partition("/")
        return s3.get_object(Bucket=bucket, Key=prefix + name)["Body"]

    return [_fetched(body, file, folder) for file in answer["files"]]


def _inside(name: str) -> PurePosixPath:
    """A name as a path that stays where it is put.

    Raises:
        ValueError: it would lead elsewhere.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or "\0" in name:
        raise ValueError(f"{name!r} is no name of a file to write here.")
    return path


def _fetched(body: Callable[[str], Any], file: Mapping[str, Any], folder: Path) -> Path:
    target = folder / _inside(file["fileName"])
    if target.is_file() and _sha256_of(target) == file["sha256"]:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    arriving = body(file["fileName"])
    digest = hashlib.sha256()
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as out:
            for piece in arriving.iter_chunks(_PIECE):
                digest.update(piece)
                out.write(piece)
        if digest.hexdigest() != file["sha256"]:
            raise ValueError(f"{file['fileName']!r} did not arrive as it was delivered: fetch it again.")
        Path(draft).replace(target)
    finally:
        Path(draft).unlink(missing_ok=True)
    return target


def _sha256_of(file: Path) -> str:
    with file.open("rb") as lines:
        return hashlib.file_digest(lines, "sha256").hexdigest()
