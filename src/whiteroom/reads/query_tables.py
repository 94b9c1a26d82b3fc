"""Associated tables as queries see them, with their owners' rules as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable, unreadable
from whiteroom.domain.resources.collaborations import MemberStatus
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.configured_tables import catalog_name, in_region
from whiteroom.domain.resources.schemas import query_table
from whiteroom.domain.resources.snowflake_references import snowflake_relation
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.catalog import Catalog, Reader, TableNotFound
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.budgets import privacy_budget

Referenced = tuple[QueryTable, Mapping[str, Any]]
"""A table with its rules, its rows still to be found, and its TableReference, which names its region."""


def referenced(tx: Transaction, association: ConfiguredTableAssociation) -> Referenced | None:
    """The table behind an association; None where it is gone.

    Its columns are taken to be those that are allowed, of the types that they had when it was configured, where these
    are known.
    """
    table = tx.configured_tables.get(association.configured_table_id)
    if table is None:
        return None
    rule = tx.configured_table_analysis_rules.get(table.id)
    association_rule = tx.configured_table_association_analysis_rules.get(association.id)
    budget = privacy_budget(tx, association.collaboration_id)
    types = table.column_types or {}
    columns = tuple(Column(column, types.get(column.lower(), "")) for column in table.allowed_columns)
    unread = CatalogTable((), FileFormat.CSV, columns)
    reference = in_region(table.table_reference, parse_arn(table.arn).region)
    return query_table(association, table, unread, rule, association_rule, budget), reference


def resolved(catalog: Catalog, found: Referenced, query_id: str | None = None) -> QueryTable:
    """The table with what its reference leads to now. It may take as long as a file takes to be read.

    Args:
        catalog: knows what is there.
        found: the table.
        query_id: of the query that reads its rows; None where its columns are asked for.

    Raises:
        TableNotFound: it leads nowhere here. What it says may name files: it is for the owner alone.
        CatalogUnavailable: the catalog does not answer now.
    """
    table, reference = found
    reader = None if query_id is None else Reader(query_id, table.role_arn)
    source = found_by(catalog, table.owner_account_id, reference, reader)
    moved = _moved(table, source) if query_id is not None and source.elsewhere else ""
    return replace(table, source=unreadable(moved, moved) if moved else source)


def found_by(
    catalog: Catalog, account_id: str, reference: Mapping[str, Any], reader: Reader | None = None
) -> CatalogTable:
    """What a reference of an account, which names its region, leads to now.

    Raises:
        TableNotFound: it leads nowhere here. What it says may name files: it is for the owner alone.
        CatalogUnavailable: the catalog does not answer now.
    """
    relation = snowflake_relation(reference, account_id)
    if isinstance(relation, Denied):
        raise TableNotFound(relation.reason)
    if relation is not None:
        return catalog.resolve_relation(account_id, relation)
    name = catalog_name(reference)
    if isinstance(name, Denied):
        raise TableNotFound(name.reason)
    return catalog.resolve(account_id, name.database, name.table, region=name.region, reader=reader)


def _moved(table: QueryTable, now: CatalogTable) -> str:
    """That a column has another type than when the table was configured, in a sentence; empty where none has."""
    types = {column.name.lower(): column.type for column in now.columns}
    for column in table.source.columns:
        kind = types.get(column.name.lower(), column.type)
        if column.type and kind != column.type:
            return (
                f"Column '{column.name}' of table '{table.name}' was {column.type} when the table was configured, and "
                f"is {kind} in its catalog now. Its owner, account {table.owner_account_id}, must look at it, and call "
                "UpdateConfiguredTable where it is meant so."
            )
    return ""


def shared_associations(tx: Transaction, collaboration_id: str) -> list[ConfiguredTableAssociation]:
    """The tables that active members share in a collaboration."""
    members = tx.members.all(collaboration_id=collaboration_id)
    active = {member.account_id for member in members if member.status is MemberStatus.ACTIVE}
    shared = tx.configured_table_associations.all(collaboration_id=collaboration_id)
    return [association for association in shared if association.account_id in active]
