"""Waiting for an end, by the waiters that come along: which statuses are the end, and which can lead to none."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from whiteroom.notebook.answers import Answer, plain
from whiteroom.notebook.progress import Progress, Show
from whiteroom.notebook.resources import CLEANROOMS, INFERENCE_JOB, ML, Clients, named, resource_of

FIRST_DELAY_SECONDS, LONGER, LONGEST_DELAY_SECONDS = 0.2, 1.5, 2.0
"""Each delay is half as long again as the one before, up to the waiter's own; there is none for exports."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a wait passes: what shows it, and whose time it is."""

    show: Show
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def wait(clients: Clients, answer: Mapping[str, Any], status: str | None, pace: Pace) -> Answer:
    """What is answered of it once it has that status, or where none is given, once it has gone well.

    Raises:
        WaiterError: it can no longer come to that; it says why, and `last_response` is what was answered.
        ClientError: it cannot be looked at.
        ValueError: nothing waits for that.
    """
    if is_export(answer):
        return _wait_for_export(clients, answer, pace)
    resource = resource_of(answer)
    client = clients(resource.kind.service)
    name = resource.waiter(status or resource.kind.success)
    if name not in client.waiter_names:
        raise ValueError(f"Nothing waits for that. There are: {', '.join(sorted(client.waiter_names))}.")
    config = client.get_waiter(name).config
    acceptors = config.acceptors

    def judge(response: Any) -> str | None:
        return next((one.state for one in acceptors if one.matcher_func(response)), None)

    looks = (_looked(lambda: resource.look(clients)) for _ in range(config.max_attempts))
    return _poll(name, answer, looks, judge, config.delay, pace)


def _poll(
    name: str,
    answer: Mapping[str, Any],
    looks: Iterator[Any],
    judge: Callable[[Any], str | None],
    longest_delay: float,
    pace: Pace,
) -> Answer:
    began = pace.clock()
    delay = FIRST_DELAY_SECONDS
    response: Any = {}
    for response in looks:
        state = judge(response)
        if not isinstance(response, _Refused):
            title = named({**answer, **response})
            failure = reason_of(response) if state == "failure" else ""
            pace.show(Progress(title, status_of(response), pace.clock() - began, failure))
            if state == "failure":
                reason = f"{title} is {status_of(response)}" + (f": {failure}" if failure else ".")
                raise WaiterError(name=name, reason=plain(reason), last_response=response)
        elif state is None:
            raise response.error
        if state == "success":
            return Answer(response)
        pace.sleep(min(delay, longest_delay))
        delay *= LONGER
    raise WaiterError(name=name, reason="It has not ended yet: wait again.", last_response=response)


class _Refused(dict[str, Any]):
    """What a refusal answers, as waiters look at it."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(error.response)
        self.error = error


def _looked(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except ClientError as error:
        return _Refused(error)


def status_of(response: Mapping[str, Any]) -> str:
    """The status that an answer tells."""
    return str((response.get("protectedQuery") or response)["status"])


def reason_of(response: Mapping[str, Any]) -> str:
    """Why something failed, as far as an answer tells."""
    query = response.get("protectedQuery")
    details = (query.get("error") if query else response.get("statusDetails")) or {}
    code = details.get("code") or details.get("statusCode")
    return plain(": ".join(str(part) for part in (code, details.get("message")) if part))


def is_export(answer: Mapping[str, Any]) -> bool:
    """Whether it is the request of an export job, or a summary of one: no operation gets one."""
    asked = {"name", "trainedModelArn", "outputConfiguration"} <= answer.keys()
    return asked and not {"dataSource", INFERENCE_JOB.key} & answer.keys()


def _wait_for_export(clients: Clients, answer: Mapping[str, Any], pace: Pace) -> Answer:
    membership = answer["membershipIdentifier"]
    collaboration = (
        answer.get("collaborationIdentifier")
        or (clients(CLEANROOMS).get_membership(membershipIdentifier=membership)["membership"]["collaborationId"])
    )
    asked = {"collaborationIdentifier": collaboration, "trainedModelArn": answer["trainedModelArn"]}
    pages = clients(ML).get_paginator("list_collaboration_trained_model_export_jobs")

    def look() -> Any:
        jobs = [
            job
            for page in pages.paginate(**asked)
            for job in page["collaborationTrainedModelExportJobs"]
            if (job["name"], job["membershipIdentifier"]) == (answer["name"], membership)
        ]
        if not jobs:
            raise ValueError(f"There is no export job {answer['name']!r} of this model in the membership.")
        return max(jobs, key=lambda job: job["createTime"])

    looks = (look() for _ in itertools.repeat(None))
    return _poll("trained_model_export_job_active", answer, looks, _judge_export, LONGEST_DELAY_SECONDS, pace)


def _judge_export(job: Mapping[str, Any]) -> str | None:
    return {"ACTIVE": "success", "CREATE_FAILED": "failure"}.get(job["status"])
