"""ports.Transaction: every repository over one open session, made when asked for."""

from __future__ import annotations

from whiteroom.domain.observability.events import ResourceEvent
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
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.store.analysis_logs import TableAnalysisLogs
from whiteroom.store.lifecycles import TableLifecycleRepository, read_events
from whiteroom.store.metrics import TableMetrics
from whiteroom.store.repositories import TableRepository
from whiteroom.store.session import Session
from whiteroom.store.tables import RECORDS
from whiteroom.store.tags import TableTags


class StoreTransaction:
    """One open transaction. Not for use after it has ended, nor by another thread."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def accounts(self) -> TableRepository[Account]:
        return TableRepository(self._session, RECORDS["accounts"])

    @property
    def users(self) -> TableRepository[User]:
        return TableRepository(self._session, RECORDS["users"])

    @property
    def access_keys(self) -> TableRepository[AccessKey]:
        return TableRepository(self._session, RECORDS["access_keys"])

    @property
    def roles(self) -> TableRepository[AssumableRole]:
        return TableRepository(self._session, RECORDS["roles"])

    @property
    def collaborations(self) -> TableRepository[Collaboration]:
        return TableRepository(self._session, RECORDS["collaborations"])

    @property
    def members(self) -> TableRepository[Member]:
        return TableRepository(self._session, RECORDS["members"])

    @property
    def memberships(self) -> TableRepository[Membership]:
        return TableRepository(self._session, RECORDS["memberships"])

    @property
    def configured_tables(self) -> TableRepository[ConfiguredTable]:
        return TableRepository(self._session, RECORDS["configured_tables"])

    @property
    def configured_table_analysis_rules(self) -> TableRepository[ConfiguredTableAnalysisRule]:
        return TableRepository(self._session, RECORDS["configured_table_analysis_rules"])

    @property
    def configured_table_associations(self) -> TableRepository[ConfiguredTableAssociation]:
        return TableRepository(self._session, RECORDS["configured_table_associations"])

    @property
    def configured_table_association_analysis_rules(self) -> TableRepository[ConfiguredTableAssociationAnalysisRule]:
        return TableRepository(self._session, RECORDS["configured_table_association_analysis_rules"])

    @property
    def analysis_templates(self) -> TableRepository[AnalysisTemplate]:
        return TableRepository(self._session, RECORDS["analysis_templates"])

    @property
    def protected_queries(self) -> TableLifecycleRepository[ProtectedQuery]:
        return TableLifecycleRepository(self._session, RECORDS["protected_queries"])

    @property
    def privacy_budget_templates(self) -> TableRepository[PrivacyBudgetTemplate]:
        return TableRepository(self._session, RECORDS["privacy_budget_templates"])

    @property
    def ml_configurations(self) -> TableRepository[MLConfiguration]:
        return TableRepository(self._session, RECORDS["ml_configurations"])

    @property
    def configured_model_algorithms(self) -> TableRepository[ConfiguredModelAlgorithm]:
        return TableRepository(self._session, RECORDS["configured_model_algorithms"])

    @property
    def configured_model_algorithm_associations(self) -> TableRepository[ConfiguredModelAlgorithmAssociation]:
        return TableRepository(self._session, RECORDS["configured_model_algorithm_associations"])

    @property
    def ml_input_channels(self) -> TableLifecycleRepository[MLInputChannel]:
        return TableLifecycleRepository(self._session, RECORDS["ml_input_channels"])

    @property
    def trained_models(self) -> TableLifecycleRepository[TrainedModel]:
        return TableLifecycleRepository(self._session, RECORDS["trained_models"])

    @property
    def trained_model_inference_jobs(self) -> TableLifecycleRepository[TrainedModelInferenceJob]:
        return TableLifecycleRepository(self._session, RECORDS["trained_model_inference_jobs"])

    @property
    def trained_model_export_jobs(self) -> TableLifecycleRepository[TrainedModelExportJob]:
        return TableLifecycleRepository(self._session, RECORDS["trained_model_export_jobs"])

    @property
    def tags(self) -> TableTags:
        return TableTags(self._session)

    @property
    def metrics(self) -> TableMetrics:
        return TableMetrics(self._session)

    @property
    def analysis_logs(self) -> TableAnalysisLogs:
        return TableAnalysisLogs(self._session)

    def events(self, arn: str) -> tuple[ResourceEvent, ...]:
        return read_events(self._session, arn)
