"""The runs of which one account may see something: of the collaborations in which it is ACTIVE, under which rules.

What of them it is shown is decided in domain/observability/publication.py; logs and metrics both ask here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from whiteroom.domain.execution.runs import INFERENCE_JOBS, TRAINED_MODELS
from whiteroom.domain.observability.publication import why_withheld
from whiteroom.domain.privacy.policies import PrivacyPolicies
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.memberships import MembershipStatus
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.trained_model_inference_jobs import Status as JobStatus
from whiteroom.domain.resources.trained_models import Status as ModelStatus
from whiteroom.ports.repositories import PageKey, Repository
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.algorithms import association_at
from whiteroom.reads.current_rules import CurrentRules

RUN_KINDS = (TRAINED_MODELS, INFERENCE_JOBS)
"""What a namespace of metrics and a group of logs are named after."""

_PAGE = 500


@dataclass(frozen=True, slots=True)
class _ModelRow:
    """What of a version's record its log and its metrics depend on."""

    id: str
    arn: str
    account_id: str
    version_identifier: str
    collaboration_id: str
    association_arn: str
    image_digest: str | None
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str]
    data_channels: tuple[Mapping[str, Any], ...]
    incremental_channels: tuple[Mapping[str, Any], ...]
    resource_config: Mapping[str, Any]
    logs_status: str | None
    logs_status_details: str | None
    metrics_status: str | None
    metrics_status_details: str | None
    run_started_at: datetime | None
    run_ended_at: datetime | None
    status: ModelStatus
    status_code: str | None
    status_message: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _JobRow:
    """What of an inference job's record its log and its metrics depend on."""

    id: str
    arn: str
    account_id: str
    collaboration_id: str
    association_arn: str
    ml_input_channel_arn: str
    trained_model_id: str
    resource_config: Mapping[str, Any]
    logs_status: str | None
    logs_status_details: str | None
    metrics_status: str | None
    metrics_status_details: str | None
    run_started_at: datetime | None
    run_ended_at: datetime | None
    status: JobStatus
    status_code: str | None
    status_message: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Governed:
    """An association, and the policies under which its algorithm works."""

    record: ConfiguredModelAlgorithmAssociation
    policies: PrivacyPolicies


class MemberRuns:
    """One account's runs, over a transaction. What several runs share is looked up once."""

    def __init__(self, tx: Transaction, account_id: str) -> None:
        self._tx = tx
        self._account_id = account_id
        self._governed: dict[str, Governed | None] = {}

    @cached_property
    def memberships(self) -> Mapping[str, str]:
        """The account's ACTIVE memberships, by collaboration."""
        own = self._tx.memberships.all(account_id=self._account_id, status=MembershipStatus.ACTIVE)
        return {one.collaboration_id: one.id for one in own}

    @cached_property
    def rules(self) -> CurrentRules:
        """What owners allow now."""
        return CurrentRules(self._tx)

    def records(self, kind: str, arn: str | None = None) -> Iterator[Any]:
        """Rows of all runs of a kind; of one model or job alone, where its ARN is given."""
        training = kind == TRAINED_MODELS
        repository: Repository[Any] = self._tx.trained_models if training else self._tx.trained_model_inference_jobs
        if arn is not None:
            yield from (record for record in repository.all(arn=arn) if record.collaboration_id in self.memberships)
            return
        for collaboration_id in self.memberships:
            if not training:
                yield from every(repository, _JobRow, collaboration_id=collaboration_id)
                continue
            for latest in (True, False):
                yield from every(repository, _ModelRow, collaboration_id=collaboration_id, is_latest=latest)

    def arn_of(self, kind: str, stream: str) -> str | None:
        """The ARN of the model or job whose streams' names begin as this one's; None where that is not to be told."""
        identifier, slash, _ = stream.partition("/")
        training = kind == TRAINED_MODELS
        repository: Repository[Any] = self._tx.trained_models if training else self._tx.trained_model_inference_jobs
        record = repository.get(identifier) if slash else None
        return None if record is None else str(record.arn)

    def configuration(self, record: Any) -> MLConfiguration | None:
        """The account's ML configuration in the run's collaboration."""
        membership_id = self.memberships.get(record.collaboration_id)
        return None if membership_id is None else self._tx.ml_configurations.get(membership_id)

    def governed(self, record: Any) -> Governed | None:
        """The association of the run's algorithm; None where it is gone."""
        arn = record.association_arn
        if arn not in self._governed:
            found = association_at(self._tx, arn)
            policies = None if found is None else PrivacyPolicies.parse(found.privacy_configuration)
            self._governed[arn] = None if found is None or policies is None else Governed(found, policies)
        return self._governed[arn]

    def withheld(self, record: Any) -> str | None:
        """As `withheld_of`."""
        return withheld_of(self.rules, record)


def is_training(record: Any) -> bool:
    """Whether a record is a version of a trained model, and not an inference job."""
    return hasattr(record, "version_identifier")


def withheld_of(rules: CurrentRules, record: Any) -> str | None:
    """Why nothing of the run of a version, or of an inference job, is published any more; None where that is not so."""
    verdict = rules.model(record) if is_training(record) else rules.inference(record)
    return why_withheld(verdict, record.status_code)


V = TypeVar("V")


def every(repository: Repository[Any], view: type[V], **equals: object) -> Iterator[V]:
    """All records that are equal in this, page by page."""
    after: PageKey | None = None
    while True:
        page = repository.page_as(view, _PAGE, after, **equals)
        yield from page.items
        after = page.next
        if after is None:
            return
