"""The metrics of runs that one account may read, in CloudWatch's terms: namespaces, metrics and dimensions.

Nobody has metrics of their own here. Each account is shown, when it asks, what the policies let it see
(domain/observability/metric_views.py), and nothing is stored for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.domain.execution.runs import TRAINED_MODELS
from whiteroom.domain.observability.metric_noise import Question
from whiteroom.domain.observability.metric_views import MetricRules, SeriesView, is_over, note_for, views
from whiteroom.domain.observability.metrics import SYSTEM_METRICS, MetricKind, MetricPoint, MetricSeries
from whiteroom.domain.observability.publication import Publication, metrics_publication
from whiteroom.domain.privacy.policies import NoiseLevel
from whiteroom.domain.resources.configured_tables import source_name
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.member_runs import RUN_KINDS, MemberRuns, is_training

NAMESPACES = RUN_KINDS

MODEL_ARN, JOB_ARN = "TrainedModelArn", "TrainedModelInferenceJobArn"
VERSION, HOST, TYPE = "VersionIdentifier", "Host", "MetricType"

PERCENT, NO_UNIT = "Percent", "None"

_PAGE = 500


_Identity = tuple[str, frozenset[tuple[str, str]]]
"""A metric's name and dimensions."""


@dataclass(frozen=True, slots=True)
class MemberMetric:
    """One metric of CloudWatch's, as the account sees it."""

    namespace: str
    dimensions: Mapping[str, str]
    view: SeriesView

    @property
    def name(self) -> str:
        """MetricName."""
        return self.view.series.name

    @property
    def unit(self) -> str:
        """Of its values."""
        return PERCENT if self.view.series.kind is MetricKind.SYSTEM else NO_UNIT


@dataclass(slots=True)
class MetricReader:
    """One account, and what it takes to show it the metrics that it may see."""

    tx: Transaction
    account_id: str
    secret: bytes
    _seen: MemberRuns = field(init=False)
    _known: dict[tuple[str, str], Mapping[_Identity, MemberMetric]] = field(default_factory=dict)
    """The metrics of what was asked for by its ARN; one call may ask for each of them."""

    def __post_init__(self) -> None:
        self._seen = MemberRuns(self.tx, self.account_id)

    def metrics(self, namespace: str, arn: str | None = None) -> Iterator[MemberMetric]:
        """Every metric of a namespace that the account sees now; of one model or job alone, where its ARN is given."""
        for record in self._seen.records(namespace, arn):
            for view in self.views(record):
                yield MemberMetric(namespace, _dimensions(record, view.series), view)

    def metric(self, namespace: str, name: str, dimensions: Mapping[str, str]) -> MemberMetric | None:
        """The metric with exactly these dimensions, as CloudWatch has it; None where the account sees none."""
        arn = dimensions.get(MODEL_ARN if namespace == TRAINED_MODELS else JOB_ARN)
        if namespace not in NAMESPACES or arn is None:
            return None
        if (namespace, arn) not in self._known:
            found = {(one.name, frozenset(one.dimensions.items())): one for one in self.metrics(namespace, arn)}
            self._known[namespace, arn] = found
        return self._known[namespace, arn].get((name, frozenset(dimensions.items())))

    def views(self, record: Any) -> tuple[SeriesView, ...]:
        """What the account sees of the run of a TrainedModel or a TrainedModelInferenceJob."""
        publication = self._publication(record)
        if publication.status is None:
            return ()
        return views(publication, self.tx.metrics.series(record.id), self._rules(record), self.secret)

    def note(self, record: Any) -> str | None:
        """Why the account sees fewer metrics of a run than there are; None where it sees all of them as they are."""
        if record.collaboration_id not in self._seen.memberships:
            return f"Account {self.account_id} is no active member of the run's collaboration."
        return note_for(self._publication(record), self._rules(record))

    def points(
        self, view: SeriesView, from_ms: int | None = None, until_ms: int | None = None
    ) -> Iterator[MetricPoint]:
        """The points of a series between two moments, as they are shown."""
        return view.shown(self._points(view.series, from_ms, until_ms))

    def shown(self, view: SeriesView) -> tuple[MetricSeries, tuple[MetricPoint, ...]]:
        """A series with all its points as they are shown; under noise its figures are of those."""
        points = tuple(self.points(view))
        if view.noise is None or not points:
            return view.series, points
        values = [point.value for point in points]
        low, high, last = min(values), max(values), points[-1]
        figures = replace(view.series, minimum=low, maximum=high, last_at_ms=last.at_ms, last_value=last.value)
        return figures, points

    def _points(self, series: MetricSeries, from_ms: int | None, until_ms: int | None) -> Iterator[MetricPoint]:
        last: MetricPoint | None = None
        while page := self.tx.metrics.points(series, _PAGE, after=last, from_ms=from_ms, until_ms=until_ms):
            yield from page
            last = page[-1]

    def _publication(self, record: Any) -> Publication:
        if record.collaboration_id not in self._seen.memberships or record.run_started_at is None:
            return Publication(None, None)
        recorded = Publication(record.metrics_status, record.metrics_status_details)
        configuration = self._seen.configuration(record)
        return metrics_publication(recorded, record.run_started_at, configuration, self._seen.withheld(record))

    def _rules(self, record: Any) -> MetricRules:
        if not is_training(record):  # its log is searched for no metrics
            return MetricRules(NoiseLevel.NONE, over=False)
        governed = self._seen.governed(record)
        level = None if governed is None else governed.policies.noise_level
        over = is_over(record.status, record.run_ended_at)
        noisy = over and level not in {None, NoiseLevel.NONE}
        return MetricRules(level, over, question_of(self.tx, record) if noisy else None)


def question_of(tx: Transaction, record: Any) -> Question | None:
    """What a training was asked, for its noise; None where one of its tables is no longer in the collaboration.

    Args:
        tx: to look up what it learned from.
        record: a version of a trained model.
    """
    tables = _tables(tx, record)
    association = tx.configured_model_algorithm_associations.get(parse_arn(record.association_arn).resource_id)
    if tables is None or association is None:
        return None
    algorithm = tx.configured_model_algorithms.get(parse_arn(association.configured_model_algorithm_arn).resource_id)
    container = (None if algorithm is None else algorithm.training_container_config) or {}
    names = {definition["name"] for definition in container.get("metricDefinitions", ())}
    names |= {series.name for series in tx.metrics.series(record.id) if series.kind is MetricKind.CUSTOM}
    given = [("hyperparameter", record.hyperparameters), ("environment", record.environment)]
    inputs = ((f"{kind} {name}", value) for kind, values in given for name, value in values.items())
    return Question(
        collaboration_id=record.collaboration_id,
        tables=tables,
        algorithm=(association.id, record.image_digest or ""),
        inputs=tuple(sorted(inputs)),
        metrics=len(names),
    )


def _tables(tx: Transaction, record: Any) -> tuple[str, ...] | None:
    """The tables behind a training, and behind the versions that it goes on from: as their owners' catalogs name them.

    Without those of whoever trained or made a channel: with them, a table of one's own would give noise anew.
    """
    found: set[tuple[str, str]] = set()
    own: set[str] = set()
    step: Any = record
    while step is not None:
        own.add(step.account_id)
        for channel in step.data_channels:
            rows = tx.ml_input_channels.get(parse_arn(channel["mlInputChannelArn"]).resource_id)
            if rows is None:
                return None
            own.add(rows.account_id)
            for association_id in rows.source_associations:
                association = tx.configured_table_associations.get(association_id)
                table = None if association is None else tx.configured_tables.get(association.configured_table_id)
                if table is None:
                    return None
                found.add((table.account_id, source_name(table)))
        base = step.incremental_channels[0]["modelId"] if step.incremental_channels else None
        step = None if base is None else tx.trained_models.get(base)
    return tuple(sorted(f"{account} {table}" for account, table in found if account not in own))


def _dimensions(record: Any, series: MetricSeries) -> Mapping[str, str]:
    """What distinguishes a series from others of its name; a program may call a metric of its own like the system's."""
    found = (
        {MODEL_ARN: record.arn, VERSION: record.version_identifier} if is_training(record) else {JOB_ARN: record.arn}
    )
    ambiguous = series.kind is MetricKind.CUSTOM and series.name in SYSTEM_METRICS
    return {**found, HOST: series.host, **({TYPE: "Custom"} if ambiguous else {})}
