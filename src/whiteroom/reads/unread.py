"""Why a query could not read a table, for the table's owner alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.ports.transaction import Transaction


def unread_tables(tx: Transaction, account_id: str, record: Any) -> Mapping[str, str]:
    """Why a query, or a channel's, could not read tables of an account, by their names; nothing of other records."""
    query = tx.protected_queries.get(record.protected_query_id) if isinstance(record, MLInputChannel) else record
    if not isinstance(query, ProtectedQuery):
        return {}
    found = {tx.configured_table_associations.get(key): str(why) for key, why in (query.unread or {}).items()}
    return {one.name: why for one, why in found.items() if one is not None and one.account_id == account_id}
