"""A kind of record is declared once, and everything else comes of the declaration."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, assert_type

import pytest

from whiteroom.domain.resources.accounts import Account
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.ports.repositories import LifecycleRepository, Repository
from whiteroom.ports.store import Work
from whiteroom.ports.transaction import KINDS, Kind
from whiteroom.store.sqlite import SqliteStore
from whiteroom.store.tables import RECORDS


def test_a_repository_has_the_type_that_was_declared(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "whiteroom.db")
    with store.reading() as tx:
        # Said by mypy; what stands here at run time is what the store has made of the declaration.
        assert_type(tx.accounts, Repository[Account])
        assert_type(tx.trained_models, LifecycleRepository[TrainedModel])
        assert not hasattr(tx.accounts, "transition")
        assert hasattr(tx.trained_models, "transition")
    store.close()


def test_what_goes_through_states_is_what_controllers_drive() -> None:
    assert {kind.name for kind in KINDS if kind.lifecycle is not None} == {work.value for work in Work}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_a_table_with_a_column_a_field_and_an_index_a_search(kind: Kind[Any]) -> None:
    entry = RECORDS[kind.name]
    assert [column.name for column in entry.table.columns] == [field.name for field in fields(kind.record)]
    indexes = {index.name for index in entry.table.indexes}
    for search in kind.searches:
        assert f"ix_{kind.name}_{'_'.join(search) or 'all'}" in indexes
        assert kind.is_searched_by(search)
    assert not kind.is_searched_by(("created_at",))
