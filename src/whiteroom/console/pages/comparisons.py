"""Versions of trained models beside each other: what went into each, and its curves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.facts import facts, pairs
from whiteroom.console.pages import ml_input_channels, trained_models
from whiteroom.console.rendering import page, words
from whiteroom.console.run_metrics import charts, measured, run_of
from whiteroom.console.versions import version_of
from whiteroom.console.within import BASE_VERSION, Within, within
from whiteroom.wire.inside import Refused

MOST = 6
"""Beside each other on one page."""
_DETAILS = {
    "trainingInputMode": "Input mode",
    "trainingContainerImageDigest": "Image that ran",
    "configuredModelAlgorithmAssociationArn": "Algorithm",
}
_RESOURCES = {"instanceType": "Instance type", "instanceCount": "Instances", "volumeSizeInGB": "Volume in GB"}
_MAPS = {"hyperparameters": "Hyperparameter", "environment": "Environment"}


@dataclass(frozen=True, slots=True)
class Compared:
    """One detail of all of them."""

    what: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether it is not the same of all."""
        return len(set(self.values)) > 1


async def show(asked: Asked) -> Response:
    """The versions that the address names: each as a field `ARN@VERSION`."""
    here = await within(asked)
    wanted = [one for one in dict.fromkeys(asked.query) if "@" in one]
    models = [await _look(here, one) for one in wanted[:MOST]]
    details = await asyncio.gather(*(_details(here, model) for model in models))
    now = asked.visitor.inside.clock()
    runs = [run_of(model, model["trainedModelArn"], version_of(model), now) for model in models]
    found = [(run, await measured(asked.visitor, run)) for run in runs]
    return page(
        "comparison.html",
        visitor=asked.visitor,
        here=here,
        tab="models",
        models=[(model, version_of(model)) for model in models],
        rows=list(beside(details)),
        charts=charts(found),
        most=MOST,
        is_cut=len(wanted) > MOST,
    )


def beside(details: Sequence[Mapping[str, str]]) -> Iterator[Compared]:
    """A row for each detail that any has."""
    for what in dict.fromkeys(what for one in details for what in one):
        yield Compared(what, tuple(one.get(what, "") for one in details))


async def _look(here: Within, named: str) -> dict[str, Any]:
    arn, _, version = named.rpartition("@")
    return await here.look(arn, *trained_models.LOOK, versionIdentifier=version)


async def _details(here: Within, model: Mapping[str, Any]) -> dict[str, str]:
    told = {
        "Status": words(model["status"]),
        "Seconds": f"{(model['updateTime'] - model['createTime']).total_seconds():.0f}",
        **_of(model, _DETAILS),
        **_of(model.get("resourceConfig", {}), _RESOURCES),
        **_of(model.get("stoppingCondition", {}), {"maxRuntimeInSeconds": "Longest run in seconds"}),
    }
    for member, called in _MAPS.items():
        told |= {f"{called} {name}": str(value) for name, value in pairs(model, member)}
    for channel in model.get("dataChannels", []):
        told[f"Channel {channel['channelName']}"] = await _channel(here, channel["mlInputChannelArn"])
    for base in model.get("incrementalTrainingDataChannels", []):
        came = f"{base['modelName']}, version {base.get('versionIdentifier', BASE_VERSION)}"
        told[f"Goes on from ({base['channelName']})"] = came
    return told


def _of(answer: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    return {fact.name: str(fact.value) for fact in facts(answer, names)}


async def _channel(here: Within, arn: str) -> str:
    """Which channel, and how many rows it has, where the visitor may look at it."""
    try:
        channel = await here.look(arn, *ml_input_channels.LOOK)
    except Refused:
        return arn
    rows = channel.get("numberOfRecords")
    return str(channel["name"]) if rows is None else f"{channel['name']}, {rows:,} rows"
