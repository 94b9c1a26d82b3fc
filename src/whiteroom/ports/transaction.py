"""A transaction of the store, and the declaration of each kind of record.

A declaration says what is kept, what it is searched by and what is unique: a store makes its table and its indexes of
it, and `Transaction` has the repository under its name. A new kind is a record in domain/, a declaration here and a
migration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Self, TypeVar, overload

from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.observability.events import EventSummary, ResourceEvent
from whiteroom.domain.observability.notifications import Need, Notice, NotificationAddress, OutboxEntry
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.resources.accounts import AccessKey, Account, AssumableRole, User
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.collaborations import Collaboration, Member
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.configured_table_associations import (
    ConfiguredTableAssociation,
    ConfiguredTableAssociationAnalysisRule,
)
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule
from whiteroom.domain.resources.console_sessions import ConsoleLink, ConsoleSession, SignIn
from whiteroom.domain.resources.holdings import Holding
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.ml_input_channels import LIFECYCLE as CHANNEL_LIFECYCLE
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import LIFECYCLE as QUERY_LIFECYCLE
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.results import Result
from whiteroom.domain.resources.trained_model_export_jobs import LIFECYCLE as EXPORT_LIFECYCLE
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import LIFECYCLE as INFERENCE_LIFECYCLE
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import LIFECYCLE as MODEL_LIFECYCLE
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.domain.resources.usage import UsageEntry
from whiteroom.ports.analysis_logs import AnalysisLogs
from whiteroom.ports.repositories import LifecycleRepository, Metrics, Repository, Tags

R = TypeVar("R")
P = TypeVar("P")

Search = tuple[str, ...]
"""Fields that are searched by together."""


class Kind(Generic[P]):
    """One kind of record, which a transaction has the repository `P` of."""

    name: str
    """Of its repository and its table."""

    def __init__(
        self,
        record: type,
        searches: tuple[Search, ...],
        unique: tuple[Search, ...],
        unique_while_live: tuple[Search, ...],
        lifecycle: Lifecycle[Any] | None = None,
    ) -> None:
        """As `records` and `records_with_states`."""
        self.record = record
        self.searches = searches
        self.unique = unique
        self.unique_while_live = unique_while_live
        self.lifecycle = lifecycle

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, tx: None, owner: type) -> Self: ...
    @overload
    def __get__(self, tx: Transaction, owner: type) -> P: ...
    def __get__(self, tx: Transaction | None, owner: type) -> Self | P:
        return self if tx is None else tx.repository(self)

    def is_searched_by(self, fields: tuple[str, ...]) -> bool:
        """Whether an index serves a search by these fields: by the id, by none, or by what is declared."""
        wanted = frozenset(fields)
        return wanted in (frozenset(), {"id"}) or wanted in map(frozenset, (*self.searches, *self.unique))


def records(
    record: type[R], *searches: Search, unique: tuple[Search, ...] = (), unique_while_live: tuple[Search, ...] = ()
) -> Kind[Repository[R]]:
    """Declare a kind of record.

    Args:
        record: the dataclass.
        searches: by what it is found; a list of what is found is read in the order of (created_at, id). Of a kind
            that is paged without a search, one is by no field.
        unique: fields of which no two records have the same values; they can be searched by, too.
        unique_while_live: the same, of records that have not failed and are not at their end.
    """
    return Kind(record, searches, unique, unique_while_live)


def records_with_states(
    record: type[R],
    lifecycle: Lifecycle[Any],
    *searches: Search,
    unique: tuple[Search, ...] = (),
    unique_while_live: tuple[Search, ...] = (),
) -> Kind[LifecycleRepository[R]]:
    """Declare a kind of record that goes through the states of `lifecycle`; the rest as `records`."""
    return Kind(record, searches, unique, unique_while_live, lifecycle)


class Transaction(ABC):
    """Everything the store knows, at one moment: all of it is written, or none."""

    accounts = records(Account, ())
    users = records(User, ("account_id",), unique=(("account_id", "name"),))
    access_keys = records(AccessKey, ("account_id",), ("user_id",))
    roles = records(AssumableRole, ("account_id",), unique=(("account_id", "name"),))
    console_links = records(ConsoleLink, ("account_id",))
    console_sessions = records(ConsoleSession, (), ("account_id",))
    sign_ins = records(SignIn, (), ("account_id",))
    collaborations = records(Collaboration, (), ("creator_account_id", "status"))
    members = records(
        Member,
        ("collaboration_id",),
        ("account_id",),
        ("account_id", "status"),
        unique=(("collaboration_id", "account_id"),),
    )
    memberships = records(Membership, ("account_id",), ("account_id", "status"), ("collaboration_id",))
    configured_tables = records(ConfiguredTable, ("account_id",), unique=(("account_id", "name"),))
    configured_table_analysis_rules = records(ConfiguredTableAnalysisRule)
    configured_table_associations = records(
        ConfiguredTableAssociation,
        ("membership_id",),
        ("collaboration_id",),
        ("collaboration_id", "name_folded"),
        ("configured_table_id",),
        unique=(("collaboration_id", "name_folded"),),
    )
    configured_table_association_analysis_rules = records(ConfiguredTableAssociationAnalysisRule)
    analysis_templates = records(
        AnalysisTemplate, ("membership_id",), ("collaboration_id",), ("arn",), unique=(("membership_id", "name"),)
    )
    protected_queries = records_with_states(
        ProtectedQuery, QUERY_LIFECYCLE, ("status",), ("membership_id",), ("membership_id", "status")
    )
    privacy_budget_templates = records(
        PrivacyBudgetTemplate,
        ("membership_id",),
        ("membership_id", "type"),
        ("membership_id", "resource_arn", "type"),
        ("collaboration_id",),
        ("collaboration_id", "type"),
        ("collaboration_id", "resource_arn", "type"),
        unique=(("resource_id",),),
    )
    ml_configurations = records(MLConfiguration)
    configured_model_algorithms = records(
        ConfiguredModelAlgorithm, ("account_id",), ("arn",), unique=(("account_id", "name"),)
    )
    configured_model_algorithm_associations = records(
        ConfiguredModelAlgorithmAssociation,
        ("membership_id",),
        ("collaboration_id",),
        ("arn",),
        ("configured_model_algorithm_arn",),
        unique=(("membership_id", "name"),),
    )
    ml_input_channels = records_with_states(
        MLInputChannel,
        CHANNEL_LIFECYCLE,
        ("status",),
        ("membership_id",),
        ("membership_id", "status"),
        ("collaboration_id",),
        ("arn",),
        ("association_arn", "status"),
        unique_while_live=(("membership_id", "name"),),
    )
    trained_models = records_with_states(
        TrainedModel,
        MODEL_LIFECYCLE,
        ("status",),
        ("membership_id", "is_latest"),
        ("membership_id", "status"),
        ("collaboration_id", "is_latest"),
        ("collaboration_id", "status"),
        ("arn",),
        ("arn", "status"),
        ("arn", "version_identifier"),
        ("arn", "is_latest"),
        ("association_arn", "status"),
        unique=(("arn", "version_identifier"),),
        unique_while_live=(("membership_id", "name"),),
    )
    trained_model_inference_jobs = records_with_states(
        TrainedModelInferenceJob,
        INFERENCE_LIFECYCLE,
        ("status",),
        ("membership_id",),
        ("membership_id", "status"),
        ("membership_id", "trained_model_arn"),
        ("membership_id", "trained_model_arn", "trained_model_version_identifier"),
        ("collaboration_id",),
        ("collaboration_id", "trained_model_arn"),
        ("collaboration_id", "trained_model_arn", "trained_model_version_identifier"),
        ("arn",),
        ("trained_model_id", "status"),
        ("ml_input_channel_arn", "status"),
        ("association_arn", "status"),
        unique_while_live=(("membership_id", "name"),),
    )
    trained_model_export_jobs = records_with_states(
        TrainedModelExportJob,
        EXPORT_LIFECYCLE,
        ("status",),
        ("collaboration_id", "trained_model_arn"),
        ("collaboration_id", "trained_model_arn", "trained_model_version_identifier"),
        ("trained_model_id", "status"),
        unique=(("trained_model_arn", "name"),),
    )
    results = records(
        Result,
        ("account_id", "status"),
        ("account_id", "collaboration_id", "status"),
        ("status",),
        ("job_id",),
        ("place",),
        unique=(("job_id", "account_id"),),
    )

    holdings = records(Holding, ("membership_id", "is_held"), ("collaboration_id", "is_held"), ("is_held",))

    usage = records(UsageEntry, ("resource_id", "kind"))

    notification_addresses = records(NotificationAddress, ("account_id",))
    outbox = records(OutboxEntry)
    notices = records(Notice, ("address_id",))
    needs = records(Need, ("address_id",))

    @abstractmethod
    def repository(self, kind: Kind[P]) -> P:
        """The records of one kind."""

    @property
    @abstractmethod
    def tags(self) -> Tags: ...
    @property
    @abstractmethod
    def metrics(self) -> Metrics: ...
    @property
    @abstractmethod
    def analysis_logs(self) -> AnalysisLogs: ...

    @abstractmethod
    def forget_events(self, record: Any) -> None:
        """Remove the events of one record that goes through states: what is over, and is removed itself."""

    @abstractmethod
    def events(self, arn: str) -> tuple[ResourceEvent, ...]:
        """Every event of the resources with that ARN (all versions of a model), oldest first."""

    @abstractmethod
    def newest_events(self, limit: int, before: int | None = None) -> tuple[EventSummary, ...]:
        """At most `limit` events of all resources, newest first, older than the place `before`."""


KINDS: tuple[Kind[Any], ...] = tuple(declared for declared in vars(Transaction).values() if isinstance(declared, Kind))
"""Every kind of record."""
