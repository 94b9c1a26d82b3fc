"""Metric (CloudWatch): the metrics of runs and of analyses, for the members who may see them.

Which those are: metric_reading.py, analysis_metrics.py.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from whiteroom.base.faults import ValidationFault
from whiteroom.domain.observability.analysis_metrics import COLLABORATION
from whiteroom.domain.observability.analysis_metrics import NAMESPACE as ANALYSES
from whiteroom.domain.observability.metric_statistics import (
    Statistic,
    UnknownStatistic,
    by_period,
    is_period,
    statistic,
)
from whiteroom.domain.observability.metrics import MetricPoint
from whiteroom.operations.context import Context
from whiteroom.operations.monitoring.analysis_metrics import AnalysisMetric, analysis_metric, analysis_metrics
from whiteroom.operations.monitoring.metric_reading import (
    JOB_ARN,
    MODEL_ARN,
    NAMESPACES,
    MemberMetric,
    MetricReader,
)
from whiteroom.operations.registry import MONITORING, Request, Response, operation

METRICS_PER_PAGE = 500
QUERIES = 500
DATAPOINTS = 100_800
"""The largest page of GetMetricData; what it reads at a time is no more than that, and the last query's own."""
STATISTICS_DATAPOINTS = 1_440
ACTIVE_WITHIN = timedelta(hours=3)
"""What RecentlyActive means, with its one value."""

_ID = re.compile(r"[a-z][A-Za-z0-9_]*", re.ASCII)


@operation(MONITORING, "ListMetrics", reads_files=True)
def list_metrics(request: Request, context: Context) -> Response:
    """The metrics that the caller sees, each by its name and dimensions."""
    _only_own(request.get("OwningAccount"), context)
    if request.get("IncludeLinkedAccounts"):
        raise ValidationFault("IncludeLinkedAccounts is not supported: each account sees its own metrics alone.")
    (skipped,) = _place(request, 1)
    found = list(islice(_listed(request, context), skipped, skipped + METRICS_PER_PAGE + 1))
    more = len(found) > METRICS_PER_PAGE
    return {
        "Metrics": [
            {"Namespace": one.namespace, "MetricName": one.name, "Dimensions": _pairs(one.dimensions)}
            for one in found[:METRICS_PER_PAGE]
        ],
        "NextToken": _token(request, skipped + METRICS_PER_PAGE) if more else None,
    }


@operation(MONITORING, "GetMetricData", reads_files=True)
def get_metric_data(request: Request, context: Context) -> Response:
    """One statistic of each of up to 500 metrics, period by period."""
    span = _Span.of(request)
    asked = [_query(query, context) for query in _queries(request)]
    limit = request.get("MaxDatapoints", DATAPOINTS)
    if not 1 <= limit <= DATAPOINTS:
        raise ValidationFault(f"MaxDatapoints must be from 1 to {DATAPOINTS:,}.")
    newest_first = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    reader = _reader(context)
    (number, skipped), token = _place(request, 2), None
    results: list[Mapping[str, Any]] = []
    read = answered = 0
    while number < len(asked) and token is None:
        query = asked[number]
        points = query.points(reader, span)
        series = sorted(query.values(points), reverse=newest_first)[skipped:]
        kept = series[: limit - answered]
        read, answered = read + len(points), answered + len(kept)
        if query.returned:
            results.append(query.result(kept, complete=len(kept) == len(series)))
        number, skipped = (number + 1, 0) if len(kept) == len(series) else (number, skipped + len(kept))
        if (answered >= limit or read >= DATAPOINTS) and number < len(asked):
            token = _token(request, number, skipped)
    return {"MetricDataResults": results, "NextToken": token, "Messages": []}


@operation(MONITORING, "GetMetricStatistics", reads_files=True)
def get_metric_statistics(request: Request, context: Context) -> Response:
    """Several statistics of one metric, period by period, the earliest first."""
    span, period = _Span.of(request), _period(request["Period"])
    names, percentiles = request.get("Statistics", []), request.get("ExtendedStatistics", [])
    if not names and not percentiles:
        raise ValidationFault("Must specify either Statistics or ExtendedStatistics.")
    plain = {name: _statistic(name) for name in names}
    extended = {name: _statistic(name) for name in percentiles}
    if any(not name.startswith("p") for name in extended):
        raise ValidationFault("ExtendedStatistics takes percentiles, such as p99; all others stand in Statistics.")
    periods = -(-span.seconds // period)
    if periods > STATISTICS_DATAPOINTS:
        raise ValidationFault(
            f"You have requested up to {periods:,} datapoints, which exceeds the limit of {STATISTICS_DATAPOINTS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    reader = _reader(context)
    metric = _found(request, request.get("Unit"), reader)
    points = () if metric is None else _points(metric, reader, span.from_ms(period), span.until_ms)
    return {
        "Label": request["MetricName"],
        "Datapoints": [
            {
                "Timestamp": datetime.fromtimestamp(begin, UTC),
                "Unit": metric.unit if metric is not None else None,
                **{name: compute(values) for name, compute in plain.items()},
                "ExtendedStatistics": {name: compute(values) for name, compute in extended.items()} or None,
            }
            for begin, values in by_period(points, period).items()
        ],
    }


@dataclass(frozen=True, slots=True)
class _Span:
    """The time that is asked about: from its start on, its end not included."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, request: Request) -> _Span:
        """Raises ValidationFault where it ends before it begins."""
        if request["StartTime"] >= request["EndTime"]:
            raise ValidationFault("The parameter StartTime must be less than the parameter EndTime.")
        return cls(request["StartTime"], request["EndTime"])

    @property
    def seconds(self) -> int:
        """How long it is, rounded up."""
        return -(-(self.end - self.start) // timedelta(seconds=1))

    def from_ms(self, period: int) -> int:
        """Its start, at the beginning of a minute; of a shorter period, at that of a period."""
        unit = min(period, 60) * 1000
        return int(self.start.timestamp() * 1000) // unit * unit

    @property
    def until_ms(self) -> int:
        """Its end."""
        return int(self.end.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class _Query:
    """One MetricDataQuery, read."""

    id: str
    label: str
    metric: Mapping[str, Any]
    unit: str | None
    period: int
    compute: Statistic
    returned: bool

    def points(self, reader: MetricReader, span: _Span) -> Sequence[MetricPoint]:
        """Of the metric, as the caller sees it; none, where it sees no such metric."""
        metric = _found(self.metric, self.unit, reader)
        return () if metric is None else tuple(_points(metric, reader, span.from_ms(self.period), span.until_ms))

    def values(self, points: Iterable[MetricPoint]) -> list[tuple[int, float]]:
        """The statistic of each period that has points, by the second at which it begins."""
        return [(begin, self.compute(values)) for begin, values in by_period(points, self.period).items()]

    def result(self, series: Sequence[tuple[int, float]], *, complete: bool) -> Mapping[str, Any]:
        """MetricDataResult."""
        return {
            "Id": self.id,
            "Label": self.label,
            "Timestamps": [datetime.fromtimestamp(begin, UTC) for begin, _ in series],
            "Values": [value for _, value in series],
            "StatusCode": "Complete" if complete else "PartialData",
        }


def _queries(request: Request) -> Sequence[Mapping[str, Any]]:
    queries: Sequence[Mapping[str, Any]] = request["MetricDataQueries"]
    if not 1 <= len(queries) <= QUERIES:
        raise ValidationFault(f"MetricDataQueries must have from 1 to {QUERIES} members.")
    ids = [query["Id"] for query in queries]
    if len(set(ids)) < len(ids):
        raise ValidationFault("The values of the parameter Id in MetricDataQueries must be unique.")
    return queries


def _query(query: Mapping[str, Any], context: Context) -> _Query:
    place = f"MetricDataQueries, Id {query['Id']!r}"
    if _ID.fullmatch(query["Id"]) is None:
        raise ValidationFault(f"{place}: an Id begins with a lower-case letter; letters, digits and _ follow.")
    if "Expression" in query:
        raise ValidationFault(
            f"{place}: Expression is not supported: Whiteroom does not compute metric math, SEARCH or SQL. Ask for "
            "MetricStat, and compute with what is answered."
        )
    if "MetricStat" not in query:
        raise ValidationFault(f"{place}: MetricStat is missing.")
    if "Period" in query:
        raise ValidationFault(f"{place}: Period goes with Expression, which is not supported. Use MetricStat.Period.")
    _only_own(query.get("AccountId"), context)
    stat = query["MetricStat"]
    metric = stat["Metric"]
    if "Namespace" not in metric or "MetricName" not in metric:
        raise ValidationFault(f"{place}: Metric must have a Namespace and a MetricName.")
    label = query.get("Label", metric["MetricName"])
    if "${" in label:
        raise ValidationFault(f"{place}: dynamic labels (${{...}}) are not supported.")
    return _Query(
        id=query["Id"],
        label=label,
        metric=metric,
        unit=stat.get("Unit"),
        period=_period(stat["Period"]),
        compute=_statistic(stat["Stat"]),
        returned=query.get("ReturnData", True),
    )


_Metric = MemberMetric | AnalysisMetric


def _points(metric: _Metric, reader: MetricReader, from_ms: int, until_ms: int) -> Iterable[MetricPoint]:
    if isinstance(metric, AnalysisMetric):
        return metric.points(from_ms, until_ms)
    return reader.points(metric.view, from_ms, until_ms)


def _last_at_ms(metric: _Metric) -> int:
    return metric.last_at_ms if isinstance(metric, AnalysisMetric) else metric.view.series.last_at_ms


def _listed(request: Request, context: Context) -> Iterator[_Metric]:
    reader = _reader(context)
    wanted = {item["Name"]: item.get("Value") for item in request.get("Dimensions", ())}
    arn = wanted.get(MODEL_ARN) or wanted.get(JOB_ARN)
    since_ms = (context.now - ACTIVE_WITHIN).timestamp() * 1000 if "RecentlyActive" in request else None
    for namespace in (*NAMESPACES, ANALYSES):
        if request.get("Namespace", namespace) != namespace:
            continue
        of_analyses = analysis_metrics(context.tx, context.caller.account_id, wanted.get(COLLABORATION))
        for metric in of_analyses if namespace == ANALYSES else reader.metrics(namespace, arn):
            if request.get("MetricName", metric.name) != metric.name:
                continue
            if since_ms is not None and _last_at_ms(metric) < since_ms:
                continue
            if all(_has(metric, name, value) for name, value in wanted.items()):
                yield metric


def _has(metric: _Metric, name: str, value: str | None) -> bool:
    """Whether a metric has a dimension; with that value, where one is given."""
    return name in metric.dimensions if value is None else metric.dimensions.get(name) == value


def _found(metric: Mapping[str, Any], unit: str | None, reader: MetricReader) -> _Metric | None:
    """The metric that is asked for; None where the caller sees no such metric, or its values have another unit."""
    dimensions = {item["Name"]: item["Value"] for item in metric.get("Dimensions", ())}
    found: _Metric | None
    if metric["Namespace"] == ANALYSES:
        found = analysis_metric(reader.tx, reader.account_id, metric["MetricName"], dimensions)
    else:
        found = reader.metric(metric["Namespace"], metric["MetricName"], dimensions)
    return found if found is not None and unit in {None, found.unit} else None


def _reader(context: Context) -> MetricReader:
    return MetricReader(context.tx, context.caller.account_id, context.deployment.noise_secret)


def _only_own(account_id: str | None, context: Context) -> None:
    if account_id not in {None, context.caller.account_id}:
        raise ValidationFault(
            f"Account {context.caller.account_id} sees its own metrics alone; those of {account_id} are not shown."
        )


def _statistic(name: str) -> Statistic:
    try:
        return statistic(name)
    except UnknownStatistic as error:
        raise ValidationFault(str(error)) from None


def _period(seconds: int) -> int:
    if not is_period(seconds):
        raise ValidationFault(f"The Period is {seconds}; it must be 1, 5, 10, 30 or a multiple of 60 seconds.")
    return seconds


def _pairs(dimensions: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _token(request: Request, *place: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([_seal(request), *place]).encode()).decode()


def _place(request: Request, numbers: int) -> Sequence[int]:
    """Where the page begins that the NextToken names: so many numbers, all 0 without one.

    Raises:
        ValidationFault: the same request was not answered with that token.
    """
    token = request.get("NextToken")
    if not token:
        return [0] * numbers
    try:
        place: list[int]
        seal, *place = json.loads(base64.urlsafe_b64decode(token.encode()))
        if seal == _seal(request) and len(place) == numbers and all(type(each) is int and each >= 0 for each in place):
            return place
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise ValidationFault("The NextToken is not one that the same request was answered with. Start again without it.")


def _seal(request: Request) -> str:
    asked = {name: value for name, value in request.items() if name not in {"NextToken", "MaxDatapoints"}}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:12]
