"""Trained models: those of a collaboration, and one version, with what went into it and what was made of it."""

from __future__ import annotations

import asyncio
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
from whiteroom.console.versions import tree, version_of
from whiteroom.console.within import BASE_VERSION, ML, Leaf, Within, leaf, listed, within

LOOK = ("trainedModelArn", "GetTrainedModel", "GetCollaborationTrainedModel")


async def many(asked: Asked) -> Response:
    """The models of all members, the newest first, page by page."""
    here = await within(asked)
    name, member = "ListCollaborationTrainedModels", "collaborationTrainedModels"
    found = await leaf(asked, ML, name, member, collaborationIdentifier=here.identifier)
    return page("models.html", visitor=asked.visitor, here=here, found=found, tab="models", base=BASE_VERSION)


async def show(asked: Asked) -> Response:
    """One version: the latest, where the address names none."""
    here = await within(asked)
    arn = asked.path["arn"]
    model = await here.look(arn, *LOOK, versionIdentifier=asked.query.get("version") or None)
    version = version_of(model)
    versions, exports, jobs = await made_of(here, arn)
    lines = await newest(asked.visitor, arn, version)
    run = run_of(model, arn, version, asked.visitor.inside.clock())
    return page(
        "model.html",
        visitor=asked.visitor,
        here=here,
        tab="models",
        model=model,
        version=version,
        is_own=here.owns(arn),
        charts=charts([(run, await measured(asked.visitor, run))]),
        newest=lines,
        ends=offered(here, "models", arn, model),
        live=live_url(here, "models", arn, model, lines),
        facts=list(_facts(model)),
        reason=reason_of(model),
        hyperparameters=pairs(model, "hyperparameters"),
        environment=pairs(model, "environment"),
        tags=pairs(model, "tags"),
        versions=versions,
        tree=tree(versions.items) if versions else [],
        exports=exports,
        jobs=jobs,
        base=BASE_VERSION,
    )


async def made_of(here: Within, arn: str) -> tuple[Leaf | None, Leaf | None, Leaf | None]:
    """A model's versions, exports and inference jobs; None for those that the visitor may not have."""
    own = {"membershipIdentifier": here.membership, "trainedModelArn": arn}
    shared = {"collaborationIdentifier": here.identifier, "trainedModelArn": arn}
    jobs = "TrainedModelInferenceJobs"
    return await asyncio.gather(
        listed(here.visitor, ML, "ListTrainedModelVersions", "trainedModels", **own),
        listed(
            here.visitor,
            ML,
            "ListCollaborationTrainedModelExportJobs",
            "collaborationTrainedModelExportJobs",
            **shared,
        ),
        listed(here.visitor, ML, f"ListCollaboration{jobs}", f"collaboration{jobs}", **shared),
    )


def _facts(model: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact("Version", version_of(model))
    yield from facts(
        model,
        {
            "description": "Description",
            "creatorAccountId": "Made by",
            "createTime": "Made at",
            "updateTime": "Changed at",
        },
    )
    for channel in model.get("incrementalTrainingDataChannels", []):
        came = f"{channel['modelName']}, version {channel.get('versionIdentifier', BASE_VERSION)}"
        yield Fact(f"Goes on from ({channel['channelName']})", came)
    resources = model.get("resourceConfig", {})
    yield from facts(
        resources, {"instanceType": "Instance type", "instanceCount": "Instances", "volumeSizeInGB": "Volume in GB"}
    )
    yield from facts(model.get("stoppingCondition", {}), {"maxRuntimeInSeconds": "Longest run in seconds"})
    yield from facts(
        model,
        {
            "trainingInputMode": "Input mode",
            "configuredModelAlgorithmAssociationArn": "Algorithm",
            "trainingContainerImageDigest": "Image that ran",
            "mlModelTrainingPayerAccountId": "Paid by",
            "logsStatus": "Log",
            "logsStatusDetails": "About the log",
            "metricsStatus": "Metrics",
            "metricsStatusDetails": "About the metrics",
            "kmsKeyArn": "Key",
            "trainedModelArn": "ARN",
        },
    )
