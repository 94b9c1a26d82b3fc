"""Where results go: the folder of one job below its receiver's location, and what was put there.

Who may receive them: domain/resources/receivers.py. What is written down of it: domain/resources/results.py.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from whiteroom.base.locations import folder_parts, parse_location

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one receiver gets what jobs give, and by whose rights it is put there."""

    location: str
    """`s3://BUCKET/PREFIX`."""
    owner_account_id: str | None
    """Whose bucket it is: the receiver's own, by whose rights it is written to; None is the operator's."""
    role_arn: str | None
    """The role that the receiver has set for it; None where it has set none, and for the operator's."""


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """One file of a delivery."""

    name: str
    """Below the delivery's folder: `[A-Za-z0-9._-]`, with slashes between where it is in folders."""
    size_bytes: int
    sha256: str
    """Of its bytes, in hexadecimal digits."""


def delivery_place(location: str, path: str) -> str:
    """What two deliveries have in common that write to the same folder, however their locations are written.

    Raises:
        ValueError: the location or the path is none.
    """
    place = parse_location(location)
    return "/".join((f"s3://{place.bucket}", *place.folders, *folder_parts(path, "The path")))


def delivery_path(collaboration_id: str, model_name: str, account_id: str, job_name: str) -> str:
    """The folder below a receiver's location: collaboration, model, the account that asked, job.

    Source: docs/sources.md, export-model-artifacts and run-inference-jobs.
    """
    return "/".join((collaboration_id, path_segment(model_name), account_id, path_segment(job_name)))


def path_segment(name: str) -> str:
    """A resource's name as one segment of a path: itself where it is safe as such.

    Any other name keeps its safe characters and gains a digest behind two dots, which no safe name
    has: two names never share a folder.
    """
    if not _UNSAFE.search(name) and not name.startswith(".") and ".." not in name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_UNSAFE.sub('_', name).lstrip('.') or '_'}..{digest}"
