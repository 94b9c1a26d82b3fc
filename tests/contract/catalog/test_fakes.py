"""The catalog of tests, and what an operation sees of one, keep to the contract."""

from __future__ import annotations

import pytest

from contract.catalog.suite import COLUMNS, KNOWN, UNKNOWN, CatalogContract
from support.fake_data import MemoryCatalog
from whiteroom.operations.catalog_answers import CatalogAnswers


@pytest.fixture
def catalog() -> MemoryCatalog:
    catalog = MemoryCatalog()
    catalog.put(*KNOWN, {column.name: column.type for column in COLUMNS})
    return catalog


class TestMemoryCatalog(CatalogContract):
    adapters = (MemoryCatalog,)


class TestCatalogAnswers(CatalogContract):
    """Of what was looked up; what was not is NotLookedUp, which the ledger of operations takes care of."""

    adapters = (CatalogAnswers,)

    @pytest.fixture
    def catalog(self) -> CatalogAnswers:
        catalog = MemoryCatalog()
        catalog.put(*KNOWN, {column.name: column.type for column in COLUMNS})
        answers = CatalogAnswers(catalog)
        for name in (KNOWN, *UNKNOWN):
            answers.look_up((*name, ""))
        return answers
