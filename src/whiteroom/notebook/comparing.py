"""Versions of models beside each other: what went into each, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from whiteroom.notebook import metrics
from whiteroom.notebook.answers import Rows, table
from whiteroom.notebook.resources import ML, MODEL, Clients, named, resource_of, version_of

DETAILS = ("status", "trainingContainerImageDigest", "trainingInputMode", "metricsStatusDetails")
GROUPS = ("hyperparameters", "environment", "resourceConfig", "stoppingCondition")


class Comparison(Rows):
    """A row for each detail: `what` it is, whether it `differs`, and a key for each version."""

    def _repr_html_(self) -> str:
        """What a notebook shows: a table, with what differs in bold."""
        return table(self, marked=(place for place, row in enumerate(self) if row["differs"]))


def compare(clients: Clients, answers: Sequence[Mapping[str, Any]]) -> Comparison:
    """Two versions or more; of a single answer, all versions of its model, the oldest first.

    Raises:
        ValueError: something else than a trained model is given.
    """
    if any(resource_of(answer).kind is not MODEL for answer in answers):
        raise ValueError("Trained models are compared; give what boto3 answered of each.")
    if len(answers) == 1:
        answers = _versions(clients, answers[0])
    looked = [resource_of(answer).look(clients) for answer in answers]
    points = metrics.points(clients, looked)
    details = [dict(_details(clients, model, points)) for model in looked]
    return Comparison(beside(list(titles(looked)), details))


def beside(names: Sequence[str], details: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for each detail that any has."""
    for what in dict.fromkeys(what for one in details for what in one):
        values = [one.get(what) for one in details]
        differs = any(value != values[0] for value in values)
        yield {"what": what, "differs": differs, **dict(zip(names, values, strict=True))}


def titles(models: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A name for each that no other has: the model's own, with its place behind it where it is taken."""
    taken = {"what", "differs"}
    for place, model in enumerate(models, 1):
        name = named(model)
        while name in taken:
            name += f" ({place})"
        taken.add(name)
        yield name


def _versions(clients: Clients, answer: Mapping[str, Any]) -> list[Any]:
    resource = resource_of(answer)
    asked = {name: value for name, value in resource.request.items() if name != "versionIdentifier"}
    of_whom = (
        "list_collaboration_trained_model_versions" if resource.of_collaboration else "list_trained_model_versions"
    )
    pages = clients(ML).get_paginator(of_whom).paginate(**asked)
    found = [{"versionIdentifier": "NULL", **one} for page in pages for one in page["trainedModels"]]
    return sorted(found, key=lambda one: one["createTime"])


def _details(
    clients: Clients, model: Mapping[str, Any], points: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Any]]:
    yield "version", version_of(model)
    for name in DETAILS:
        if name in model:
            yield name, model[name]
    yield "seconds", (model["updateTime"] - model["createTime"]).total_seconds()
    for group in GROUPS:
        for name, value in sorted(model.get(group, {}).items()):
            yield f"{group}.{name}", value
    for channel in model.get("dataChannels", []):
        yield f"dataChannels.{channel['channelName']}", _channel(clients, channel["mlInputChannelArn"])
    for base in model.get("incrementalTrainingDataChannels", []):
        came = f"{base['modelName']} {base.get('versionIdentifier', 'NULL')}"
        yield f"incrementalTrainingDataChannels.{base['channelName']}", came
    yield from _ends(model, points)


def _channel(clients: Clients, arn: str) -> str:
    """Which channel, and how many rows it has, where the caller may look at it."""
    try:
        channel = resource_of({"mlInputChannelArn": arn}).look(clients)
    except ClientError:
        return arn
    rows = channel.get("numberOfRecords")
    return f"{channel['name']}, {rows:,} rows" if rows is not None else str(channel["name"])


def _ends(model: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    """The last, the lowest and the highest value of each metric."""
    series: dict[str, list[float]] = {}
    for point in points:
        if (point["arn"], point["version"]) == (model["trainedModelArn"], version_of(model)):
            series.setdefault(f"{point['metric']} {point['host']}", []).append(point["value"])
    for name, values in series.items():
        yield f"metrics.{name}.last", values[-1]
        yield f"metrics.{name}.lowest", min(values)
        yield f"metrics.{name}.highest", max(values)
