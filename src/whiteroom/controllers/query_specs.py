"""Puts together what a query needs to run: its text, its parameters, and the tables that it may see now."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from whiteroom.base.clock import Clock
from whiteroom.controllers.shares import NoPlace, Shares
from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.queries import QuerySpec, ResultFormat
from whiteroom.domain.execution.query_compute import Compute, granted
from whiteroom.domain.execution.steps import Failure
from whiteroom.domain.privacy.differential_privacy import epsilon_left
from whiteroom.domain.privacy.query_tables import QueryTable, unreadable
from whiteroom.domain.resources.channel_queries import template_can_fill, template_gives
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.catalog import Catalog, CatalogUnavailable, TableNotFound
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.budgets import privacy_budget
from whiteroom.reads.query_tables import Referenced, referenced, resolved, shared_associations

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings:
    """What the operator chose for queries."""

    csv_header: bool
    max_file_bytes: int
    max_result_bytes: int
    memory_bytes: int
    cpus: int
    timeout_seconds: int
    lookups_of_one: int = 2
    """Steps at a time that may wait for tables of one account to be looked up."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """The SQL of a query, and what fills its placeholders."""

    sql: str
    parameters: Mapping[str, str]
    parameter_types: Mapping[str, str]
    template_arn: str | None


class QuerySpecs:
    """Describes queries for the engine."""

    def __init__(self, store: Store, catalog: Catalog, settings: QuerySettings, clock: Clock) -> None:
        """Read rules in `store`, what tables refer to in `catalog`, and by `clock` which month's budget counts."""
        self._store = store
        self._catalog = catalog
        self._settings = settings
        self._clock = clock
        self._shares = Shares(settings.lookups_of_one)

    def spec(
        self,
        query: ProtectedQuery,
        target: DataRef,
        result_format: ResultFormat,
        *,
        algorithm_association_arn: str | None = None,
        single_file: bool = False,
        synthetic: bool = False,
    ) -> QuerySpec | Failure:
        """The query as the engine takes it, under the rules of now."""
        with self._store.reading() as tx:
            statement = _statement(tx, query.sql_parameters, synthetic=synthetic)
            seen = seen_associations(tx, query)
            tables = tables_of(tx, seen)
            others = {found.name for found in shared_associations(tx, query.collaboration_id)}
            budget = privacy_budget(tx, query.collaboration_id)
            collaboration = tx.collaborations.get(query.collaboration_id)
        if isinstance(statement, Failure):
            return statement
        settings = self._settings
        compute = granted(query.compute_configuration, Compute(settings.cpus, settings.memory_bytes))
        return QuerySpec(
            id=query.id,
            sql=statement.sql,
            parameters=statement.parameters,
            parameter_types=statement.parameter_types,
            template_arn=statement.template_arn,
            querier_account_id=query.account_id,
            algorithm_association_arn=algorithm_association_arn,
            tables=tuple(self._resolved(table, query.id) for table in tables),
            result_format=result_format,
            target=target,
            # A program may be made for files without one (settings.csv_header); a person is not.
            csv_header=settings.csv_header or algorithm_association_arn is None,
            max_file_bytes=_ANY_SIZE if single_file else settings.max_file_bytes,
            memory_bytes=compute.memory_bytes,
            cpus=compute.cpus,
            timeout_seconds=settings.timeout_seconds,
            receiver_account_ids=tuple(receiver["accountId"] for receiver in query.receivers),
            other_tables=tuple(sorted(others - {association.name for association in seen})),
            max_result_bytes=settings.max_result_bytes,
            epsilon_left="0" if budget is None else str(epsilon_left(budget, self._clock())),
            measured=collaboration is not None and bool(collaboration.is_metrics_enabled),
        )

    def _resolved(self, found: Referenced, query_id: str) -> QueryTable:
        """The table as it is now. If it cannot be read here, only queries that read it fail."""
        table, _ = found
        try:
            with self._shares.place(table.owner_account_id):
                return resolved(self._catalog, found, query_id)
        except NoPlace:
            raise CatalogUnavailable(
                f"Table {table.name}: tables of account {table.owner_account_id} are being looked up for other queries."
            ) from None
        except TableNotFound as error:
            log.warning("table %s of account %s: %s", table.name, table.owner_account_id, error)
            return replace(table, source=unreadable(str(error)))


_ANY_SIZE = 1 << 62


def seen_associations(tx: Transaction, query: ProtectedQuery) -> list[ConfiguredTableAssociation]:
    """The tables that a query may see: those that its text names, so that none is read that no budget counted."""
    named = query.named_associations
    shared = shared_associations(tx, query.collaboration_id)
    return [association for association in shared if named is None or association.id in named]


def tables_of(tx: Transaction, associations: Iterable[ConfiguredTableAssociation]) -> list[Referenced]:
    """The tables behind associations."""
    found = (referenced(tx, association) for association in associations)
    return [table for table in found if table is not None]


def _statement(tx: Transaction, source: Mapping[str, Any], *, synthetic: bool) -> _Statement | Failure:
    template_arn = source.get("analysisTemplateArn")
    if not template_arn:
        return _Statement(source["queryString"], {}, {}, None)
    template = tx.analysis_templates.find(arn=template_arn)
    if template is None:
        return Failure(
            StatusCode.QUERY_INVALID, f"The analysis template {template_arn} is no longer there. Create it anew."
        )
    given = source.get("parameters") or {}
    verdict = template_gives(template, synthetic=synthetic)
    if isinstance(verdict, Denied):
        return Failure(StatusCode.QUERY_REFUSED, verdict.reason)
    verdict = template_can_fill(template, given)
    if isinstance(verdict, Denied):
        return Failure(StatusCode.UNSUPPORTED, verdict.reason)
    declared = template.analysis_parameters
    defaults = {p["name"]: p["defaultValue"] for p in declared if p.get("defaultValue") is not None}
    return _Statement(
        sql=template.source["text"],
        parameters={**defaults, **given},
        parameter_types={parameter["name"]: parameter["type"] for parameter in declared},
        template_arn=template_arn,
    )
