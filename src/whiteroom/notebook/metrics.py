"""The metrics of trainings and inference jobs, as CloudWatch answers them to a member."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from whiteroom.notebook.resources import MODEL, Clients, named, run_of, version_of

CLOUDWATCH = "cloudwatch"
COLUMNS = ("name", "version", "arn", "metric", "host", "time", "value")
QUERIES_OF_A_CALL = 500
"""CloudWatch takes no more."""
_MARGIN = timedelta(minutes=1)
"""By which the machine's clock and the times of a run may differ."""
_PERIODS = ((timedelta(hours=3), 1), (timedelta(days=15), 60), (timedelta(days=63), 300))
"""For how long AWS keeps points of that many seconds; longer, those of an hour."""
_OF_AN_HOUR = 3_600


def period_of(start: datetime, now: datetime) -> int:
    """The shortest period, in seconds, that CloudWatch still has for all of a run that began then."""
    return next((seconds for age, seconds in _PERIODS if now - start < age), _OF_AN_HOUR)


def points(
    clients: Clients,
    answers: Sequence[Mapping[str, Any]],
    statistic: str = "Average",
    period: int | None = None,
    names: Collection[str] = (),
    now: datetime | None = None,
) -> list[dict[str, Any]]:
    """The points of these runs, as dictionaries with the keys COLUMNS: of the metrics of these names, or of all."""
    at = now or datetime.now(UTC)
    return [point for answer in answers for point in _points(clients, answer, statistic, period, names, at)]


def _points(
    clients: Clients,
    answer: Mapping[str, Any],
    statistic: str,
    period: int | None,
    names: Collection[str],
    now: datetime,
) -> Iterator[dict[str, Any]]:
    resource = run_of(answer)
    looked = resource.look(clients)
    dimensions = [{"Name": _dimension(resource.kind.key), "Value": looked[resource.kind.key]}]
    version = ""
    if resource.kind is MODEL:
        version = version_of(looked)
        dimensions.append({"Name": "VersionIdentifier", "Value": version})
    client = clients(CLOUDWATCH)
    pages = client.get_paginator("list_metrics").paginate(Namespace=resource.kind.log_folder, Dimensions=dimensions)
    metrics = [metric for page in pages for metric in page["Metrics"] if not names or metric["MetricName"] in names]
    seconds = period or period_of(looked["createTime"], now)
    span = {"StartTime": looked["createTime"] - _MARGIN, "EndTime": now + _MARGIN}
    for first in range(0, len(metrics), QUERIES_OF_A_CALL):
        some = metrics[first : first + QUERIES_OF_A_CALL]
        for metric, time, value in _values(client, some, statistic, seconds, span):
            yield {
                "name": named(looked),
                "version": version,
                "arn": looked[resource.kind.key],
                "metric": metric["MetricName"],
                "host": next((one["Value"] for one in metric["Dimensions"] if one["Name"] == "Host"), ""),
                "time": time.astimezone(UTC),
                "value": value,
            }


def _dimension(key: str) -> str:
    """`TrainedModelArn`, of the member `trainedModelArn`."""
    return key[0].upper() + key[1:]


def _values(
    client: Any, metrics: Sequence[Any], statistic: str, period: int, span: Mapping[str, datetime]
) -> Iterator[tuple[Any, datetime, float]]:
    queries = [
        {"Id": f"m{place}", "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}
        for place, metric in enumerate(metrics)
    ]
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, ScanBy="TimestampAscending", **span
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            metric = metrics[int(result["Id"][1:])]
            for time, value in zip(result["Timestamps"], result["Values"], strict=True):
                yield metric, time, value
