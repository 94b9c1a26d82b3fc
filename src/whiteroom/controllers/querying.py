"""What all controllers of queries share: how a query is observed, started, and found again.

A noun (controllers/ml_input_channels.py, controllers/protected_queries.py) says where its query's rows go, and does
something with them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from whiteroom.base.clock import Clock
from whiteroom.controllers.query_specs import QuerySettings, QuerySpecs
from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.queries import QueryObservation, ResultFormat
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.steps import DONE, Failure, Outcome
from whiteroom.domain.privacy.judgements import judge_again, moved
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict
from whiteroom.ports.catalog import Catalog
from whiteroom.ports.sql_engine import SqlEngine
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.current_rules import CurrentRules
from whiteroom.reads.halts import halt
from whiteroom.reads.members import member_active, payer_active

log = logging.getLogger(__name__)

_ABSENT = QueryObservation(Phase.ABSENT)


class Asker(Protocol):
    """A record that a query works for: the channel that it fills, or the query itself."""

    @property
    def membership_id(self) -> str: ...
    @property
    def collaboration_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SeenQuery:
    """What every plan of something that has a query needs to see."""

    query: QueryObservation
    member_active: bool
    """Whether the membership that asked for it still is ACTIVE."""
    payer_active: bool
    """Whether the member that pays for the query is still there."""
    halt: Failure | None = None
    """Why it may not go on, where an owner or the operator has ended it."""


class Querying:
    """Queries at work in the engine."""

    def __init__(
        self, store: Store, engine: SqlEngine, catalog: Catalog, settings: QuerySettings, clock: Clock
    ) -> None:
        """Work with these.

        Args:
            store: where the records are.
            engine: where queries run.
            catalog: says what tables refer to.
            settings: what the operator chose for queries.
            clock: says which month's privacy budget counts.
        """
        self._store = store
        self._engine = engine
        self._specs = QuerySpecs(store, catalog, settings, clock)

    def observe(
        self,
        asker: Asker,
        query_id: str,
        payer_account_id: str | None,
        *,
        watched: bool,
        algorithm_association_arn: str | None = None,
    ) -> SeenQuery:
        """What is seen of a record's query; where it is not watched, it is not looked at.

        Args:
            asker: the record.
            query_id: of its query.
            payer_account_id: who pays for it.
            watched: whether it may be running.
            algorithm_association_arn: whose algorithm is to read its rows; None where a member is.
        """
        query = self._engine.observe(query_id) if watched else _ABSENT
        if query.disagreement:
            log.error("query %s: its two judges disagree: %s", query_id, query.disagreement)
        for association_id, why in query.for_owners.items():
            log.warning("query %s could not read the table of association %s: %s", query_id, association_id, why)
        with self._store.reading() as tx:
            record = tx.protected_queries.get(query_id) if watched else None
            verdict = ALLOWED if record is None else still_allowed(tx, record, query, algorithm_association_arn)
            halted = halt(tx, asker.collaboration_id, verdict)
            active = member_active(tx, asker.membership_id)
            paid = payer_active(tx, asker.collaboration_id, payer_account_id)
        return SeenQuery(query, active, paid, halted)

    def start(
        self,
        query: ProtectedQuery,
        target: DataRef,
        result_format: ResultFormat,
        *,
        algorithm_association_arn: str | None = None,
        single_file: bool = False,
        synthetic: bool = False,
    ) -> Outcome:
        """Start the query, under the rules of now, unless it runs or has ended.

        Args:
            query: the record.
            target: takes its rows.
            result_format: of the files of rows.
            algorithm_association_arn: whose algorithm is to read them; None where a member is.
            single_file: whether they go into one file, however large.
            synthetic: whether synthetic rows are to be made of them, which the template must say, too.
        """
        spec = self._specs.spec(
            query,
            target,
            result_format,
            algorithm_association_arn=algorithm_association_arn,
            single_file=single_file,
            synthetic=synthetic,
        )
        if isinstance(spec, Failure):
            return Outcome(failure=spec)
        self._engine.start(spec)
        return DONE

    def owned_ids(self, others: Iterable[str] = ()) -> list[tuple[str, ProtectedQuery | None]]:
        """Every query that the engine holds something for, and `others`; with its record where somebody knows it."""
        queries = tuple(dict.fromkeys((*self._engine.queries(), *others)))
        with self._store.reading() as tx:
            return [(query_id, tx.protected_queries.get(query_id)) for query_id in queries]


def still_allowed(
    tx: Transaction, query: ProtectedQuery, seen: QueryObservation, algorithm_association_arn: str | None
) -> Verdict:
    """Whether the rules of now allow what the query does; nothing speaks against what is not known yet."""
    if seen.judgement is None:
        return ALLOWED
    tables = CurrentRules(tx).tables_of(seen.judgement)
    verdict = judge_again(
        seen.judgement,
        tables,
        querier_account_id=query.account_id,
        receiver_account_ids=[receiver["accountId"] for receiver in query.receivers],
        algorithm_association_arn=algorithm_association_arn,
        template_arn=query.sql_parameters.get("analysisTemplateArn") or None,
    )
    changed = ", ".join(f"'{name}'" for name in moved(seen.judgement, tables))
    if isinstance(verdict, Denied) and changed:
        return Denied(f"The rules of {changed} changed while the query ran. {verdict.reason}")
    return verdict
