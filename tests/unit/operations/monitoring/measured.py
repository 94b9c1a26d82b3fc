"""Trainings that have printed their losses, and what accounts ask CloudWatch about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.worlds.requests import CAROL, REGION
from support.worlds.rooms import Room
from whiteroom.base.callers import Caller
from whiteroom.base.faults import ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import TRAINED_MODELS
from whiteroom.domain.observability.metrics import MetricKind, MetricSeries, begin_reading, grow
from whiteroom.operations.context import Context
from whiteroom.operations.registry import MONITORING, handlers

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
LOSSES = [4.0, 3.0, 2.0, 1.0]
"""One every half minute."""
HIGH = {"trainedModels": {"containerMetrics": {"noiseLevel": "HIGH"}}}


def measured(room: Room, name: str, *, running: bool = False, **changes: Any) -> dict[str, str]:
    """A training that has printed its losses, and taken half a CPU."""
    channel = room.active_channel(f"{name}-rows")
    model = room.model(name, channel, **changes)
    events = [Event.STARTED] if running else [Event.STARTED, Event.SUCCEEDED]
    told = {"metrics_status": "PUBLISH_SUCCEEDED", "run_started_at": room.server.now}
    room.advance_model(model, *events, **told, **({} if running else {"run_ended_at": room.server.now}))
    write(room, model["trainedModelArn"].rpartition("/")[2], MetricKind.CUSTOM, "loss", LOSSES)
    write(room, model["trainedModelArn"].rpartition("/")[2], MetricKind.SYSTEM, "CPUUtilization", [50.0])
    return model


def write(room: Room, record_id: str, kind: MetricKind, name: str, values: list[float]) -> None:
    series = MetricSeries(record_id, kind, name, "algo-1")
    found = [(NOON_MS + 30_000 * number, value) for number, value in enumerate(values)]
    with room.server.store.transaction() as tx:
        reading = begin_reading(f"{record_id}-{kind}-{name}", record_id, [], 1)
        tx.metrics.advance(reading, [grow(series, found, 10_000)])


def ask(room: Room, operation: str, account: str = CAROL, /, **request: Any) -> Any:
    return room.server.call(account, MONITORING, operation, **request)


def names(room: Room, account: str = CAROL, /, **request: Any) -> list[str]:
    return [metric["MetricName"] for metric in ask(room, "ListMetrics", account, **request)["Metrics"]]


def dimensions(model: dict[str, str], host: str = "algo-1") -> list[dict[str, str]]:
    values = {
        "TrainedModelArn": model["trainedModelArn"],
        "VersionIdentifier": model["versionIdentifier"],
        "Host": host,
    }
    return [{"Name": name, "Value": value} for name, value in values.items()]


def query(model: dict[str, str], stat: str = "Average", period: int = 60, **changes: Any) -> dict[str, Any]:
    metric = {"Namespace": TRAINED_MODELS, "MetricName": "loss", "Dimensions": dimensions(model)}
    return {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **changes}


def data(room: Room, account: str, *queries: dict[str, Any], **changes: Any) -> Any:
    span = {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1), "ScanBy": "TimestampAscending"}
    return ask(room, "GetMetricData", account, **{"MetricDataQueries": list(queries), **span, **changes})


def values(room: Room, account: str, *queries: dict[str, Any], **changes: Any) -> list[list[float]]:
    return [result["Values"] for result in data(room, account, *queries, **changes)["MetricDataResults"]]


def refused(room: Room, operation: str, **request: Any) -> str:
    span = {} if operation == "ListMetrics" else {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1)}
    server, who = room.server, Caller(CAROL, REGION)
    with server.store.reading() as tx:
        context = Context(caller=who, tx=tx, now=NOON, catalog=server.catalog, deployment=server.deployment)
        with pytest.raises(ValidationFault) as caught:
            handlers()[MONITORING, operation]({**span, **request}, context)
    assert caught.value.message.endswith(".")
    return caught.value.message
