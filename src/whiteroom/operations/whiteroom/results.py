"""What was delivered to the caller's account: listed, and handed out file by file.

Record and who may fetch it: domain/resources/results.py. The bytes: wire/downloads.py and web/downloads.py.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from whiteroom.base.faults import ResourceNotFound
from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.domain.resources.results import Result, ResultKind, ResultStatus, fetchable, file_in, files_of
from whiteroom.operations.answers import paged, unwrap
from whiteroom.operations.context import Context
from whiteroom.operations.registry import WHITEROOM, Request, Response, operation
from whiteroom.ports.repositories import LifecycleRepository
from whiteroom.ports.transaction import Transaction


@operation(WHITEROOM, "ListResults")
def list_results(request: Request, context: Context) -> Response:
    """What was delivered to the caller and can be fetched, or what its own location refused, the newest first."""
    status = ResultStatus(request.get("status", ResultStatus.DELIVERED))
    where = {"account_id": context.caller.account_id, "status": status}
    if "collaborationIdentifier" in request:
        where["collaboration_id"] = request["collaborationIdentifier"]
    return paged(request, "results", context.tx.results, _summary, **where)


@operation(WHITEROOM, "HeadResult")
def head_result(request: Request, context: Context) -> Response:
    """What there is to say of one file."""
    return _said(*_found(request, context))


@operation(WHITEROOM, "GetResult")
def get_result(request: Request, context: Context) -> Response:
    """One file, or a range of it; the answer's bytes are read elsewhere. It leaves an event of the job that gave it."""
    result, file = _found(request, context)
    part = request["range"].replace("=", " ") if "range" in request else "all"
    reason = f"downloads {part} of the {file.size_bytes:,} bytes of {file.name} (result {result.id})"
    jobs = _jobs(context.tx, result.kind)
    jobs.remark(jobs.get(result.job_id), actor=context.caller, at=context.now, reason=reason)
    return _said(result, file)


def _found(request: Request, context: Context) -> tuple[Result, DeliveredFile]:
    """The file that a request names, where it was delivered to the caller.

    Raises:
        ResourceNotFound: it was not, or nothing was.
    """
    result_id = request["resultIdentifier"]
    result = unwrap(
        fetchable(context.tx.results.get(result_id), result_id, context.caller.account_id), ResourceNotFound
    )
    return result, unwrap(file_in(result, request["fileName"]), ResourceNotFound)


def _jobs(tx: Transaction, kind: ResultKind) -> LifecycleRepository[Any]:
    match kind:
        case ResultKind.PROTECTED_QUERY:
            return tx.protected_queries
        case ResultKind.EXPORT_JOB:
            return tx.trained_model_export_jobs
        case ResultKind.INFERENCE_JOB:
            return tx.trained_model_inference_jobs


def _said(result: Result, file: DeliveredFile) -> Mapping[str, Any]:
    return {
        "checksumSHA256": base64.b64encode(bytes.fromhex(file.sha256)).decode(),
        "contentLength": file.size_bytes,
        "location": f"{result.place}/{file.name}",
    }


def _summary(result: Result) -> Mapping[str, Any]:
    return {
        "collaborationIdentifier": result.collaboration_id,
        "deliveredTime": result.delivered_at,
        "files": [_file(result, one) for one in files_of(result)],
        "jobName": result.job_name,
        "location": f"{result.place}/",
        "reason": result.reason,
        "requesterAccountId": result.asked_by,
        "resultIdentifier": result.id,
        "sizeBytes": result.size_bytes,
        "type": result.kind.value,
    }


def _file(result: Result, file: DeliveredFile) -> Mapping[str, Any]:
    return {
        "fileName": file.name,
        "path": f"/whiteroom/v1/results/{result.id}/{quote(file.name, safe='')}",
        "sha256": file.sha256,
        "sizeBytes": file.size_bytes,
    }
