"""Inference jobs: those of a collaboration, and one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.ends import offered
from whiteroom.console.facts import Fact, facts, pairs, reason_of
from whiteroom.console.following import live_url
from whiteroom.console.rendering import page
from whiteroom.console.run_logs import newest
from whiteroom.console.run_metrics import charts, measured, run_of
from whiteroom.console.within import BASE_VERSION, ML, Within, leaf, within


async def many(asked: Asked) -> Response:
    """The jobs of all members, the newest first, page by page."""
    here = await within(asked)
    name, member = "ListCollaborationTrainedModelInferenceJobs", "collaborationTrainedModelInferenceJobs"
    found = await leaf(asked, ML, name, member, collaborationIdentifier=here.identifier)
    return page("inference_jobs.html", visitor=asked.visitor, here=here, found=found, tab="inference-jobs")


async def look(here: Within, arn: str) -> dict[str, Any]:
    """One of the visitor's own: no operation shows another member's whole."""
    return await here.visitor.call(
        ML, "GetTrainedModelInferenceJob", membershipIdentifier=here.membership, trainedModelInferenceJobArn=arn
    )


async def show(asked: Asked) -> Response:
    """One job."""
    here = await within(asked)
    job = await look(here, asked.path["arn"])
    arn = job["trainedModelInferenceJobArn"]
    lines = await newest(asked.visitor, arn, "")
    run = run_of(job, arn, "", asked.visitor.inside.clock())
    return page(
        "inference_job.html",
        visitor=asked.visitor,
        here=here,
        tab="inference-jobs",
        job=job,
        charts=charts([(run, await measured(asked.visitor, run))]),
        newest=lines,
        ends=offered(here, "inference-jobs", arn, job),
        live=live_url(here, "inference-jobs", arn, job, lines),
        facts=list(_facts(here, job)),
        reason=reason_of(job),
        environment=pairs(job, "environment"),
        tags=pairs(job, "tags"),
    )


def _facts(here: Within, job: Mapping[str, Any]) -> Iterator[Fact]:
    yield from facts(job, {"description": "Description", "createTime": "Made at", "updateTime": "Changed at"})
    version = job.get("trainedModelVersionIdentifier", BASE_VERSION)
    model = job["trainedModelArn"]
    yield Fact("Model", model, here.url("models", model, version=version))
    yield Fact("Version", version)
    channel = job["dataSource"]["mlInputChannelArn"]
    yield Fact("Rows of the channel", channel, here.url("channels", channel))
    for receiver in job["outputConfiguration"]["members"]:
        yield Fact("Delivered to", receiver["accountId"])
    yield from facts(job["outputConfiguration"], {"accept": "Accepts"})
    yield from facts(job["resourceConfig"], {"instanceType": "Instance type", "instanceCount": "Instances"})
    yield from facts(job.get("containerExecutionParameters", {}), {"maxPayloadInMB": "Largest request in MB"})
    yield from facts(
        job,
        {
            "configuredModelAlgorithmAssociationArn": "Algorithm",
            "inferenceContainerImageDigest": "Image that ran",
            "mlModelInferencePayerAccountId": "Paid by",
            "logsStatus": "Log",
            "logsStatusDetails": "About the log",
            "metricsStatus": "Metrics",
            "metricsStatusDetails": "About the metrics",
            "kmsKeyArn": "Key",
            "trainedModelInferenceJobArn": "ARN",
        },
    )
