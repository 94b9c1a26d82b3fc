"""The metrics of a training or an inference job, as curves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from whiteroom.console.charts import Chart, Series, chart
from whiteroom.console.run_logs import folder_of, is_job
from whiteroom.console.visitors import Visitor
from whiteroom.wire.inside import Refused

MOST_METRICS = 40
"""Of a run; a page has an end."""
POINTS = 300
"""Of a curve, at most about."""
_MARGIN = timedelta(minutes=1)
"""By which the clocks of a run and of its record may differ."""
_SHORT = (1, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Run:
    """Whose metrics are meant."""

    arn: str
    version: str
    name: str
    began: datetime
    ended: datetime
    """Now, for one that goes on."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric of one instance of a run."""

    metric: str
    host: str
    points: tuple[tuple[datetime, float], ...]


def run_of(answer: Mapping[str, Any], arn: str, version: str, now: datetime) -> Run:
    """The run that an answer of its operation speaks of."""
    is_moving = str(answer["status"]).endswith(("PENDING", "IN_PROGRESS"))
    return Run(arn, version, answer["name"], answer["createTime"], now if is_moving else answer["updateTime"])


def period_for(seconds: float) -> int:
    """The shortest period of CloudWatch's by which so long a run has no more than POINTS of them."""
    wanted = seconds / POINTS
    return next((one for one in _SHORT if one >= wanted), math.ceil(wanted / 60) * 60)


async def measured(visitor: Visitor, run: Run) -> list[Measured]:
    """All that the visitor sees of a run; none where that is nothing."""
    dimensions = [{"Name": "TrainedModelInferenceJobArn" if is_job(run.arn) else "TrainedModelArn", "Value": run.arn}]
    if not is_job(run.arn):
        dimensions.append({"Name": "VersionIdentifier", "Value": run.version})
    try:
        known = await visitor.call("monitoring", "ListMetrics", Namespace=folder_of(run.arn), Dimensions=dimensions)
        metrics = known["Metrics"][:MOST_METRICS]
        if not metrics:
            return []
        begin, end = run.began - _MARGIN, max(run.ended, run.began) + _MARGIN
        period = period_for((end - begin).total_seconds())
        answer = await visitor.call(
            "monitoring",
            "GetMetricData",
            MetricDataQueries=[
                {"Id": f"m{place}", "MetricStat": {"Metric": metric, "Period": period, "Stat": "Average"}}
                for place, metric in enumerate(metrics)
            ],
            StartTime=begin,
            EndTime=end,
            ScanBy="TimestampAscending",
        )
    except Refused:
        return []
    return list(_measured(metrics, answer["MetricDataResults"]))


def _measured(metrics: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]) -> Iterator[Measured]:
    for result in results:
        metric = metrics[int(result["Id"][1:])]
        host = next((one["Value"] for one in metric["Dimensions"] if one["Name"] == "Host"), "")
        yield Measured(metric["MetricName"], host, tuple(zip(result["Timestamps"], result["Values"], strict=True)))


def charts(runs: Sequence[tuple[Run, Sequence[Measured]]]) -> list[Chart]:
    """A chart for each metric, with a curve for each instance of each run, from the first point of its run on."""
    curves: dict[str, list[Series]] = defaultdict(list)
    for run, found in runs:
        first = min((at for one in found for at, _ in one.points), default=run.began)
        for one in found:
            name = f"{run.name}, {one.host}" if len(runs) > 1 else one.host
            points = tuple(((at - first).total_seconds(), value) for at, value in one.points)
            curves[one.metric].append(Series(name, points))
    drawn = (chart(metric, series) for metric, series in sorted(curves.items()))
    return [one for one in drawn if one is not None]
