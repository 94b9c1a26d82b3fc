"""Where results go: the folder of one job below its receiver's location.

Who may receive them: domain/resources/receivers.py.
"""

from __future__ import annotations

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


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
