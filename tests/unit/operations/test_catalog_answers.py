"""What an operation is told where the catalog does not answer."""

from __future__ import annotations

import pytest

from support.fake_data import MemoryCatalog
from whiteroom.base.faults import Throttled
from whiteroom.domain.privacy.query_tables import CatalogTable
from whiteroom.operations.catalog_answers import CatalogAnswers, NotLookedUp
from whiteroom.ports.catalog import CatalogUnavailable, Reader


class DeadCatalog(MemoryCatalog):
    """Does not answer, as Glue does on a bad day."""

    def resolve(
        self, account_id: str, database: str, table: str, *, region: str = "", reader: Reader | None = None
    ) -> CatalogTable:
        raise CatalogUnavailable("glue:GetTable got no answer from 10.0.0.1.")


def test_a_catalog_that_does_not_answer_has_the_caller_ask_again_and_tells_nothing_of_where_it_is() -> None:
    answers = CatalogAnswers(DeadCatalog())
    name = ("111111111111", "lake", "people", "us-east-1")
    with pytest.raises(NotLookedUp):
        answers.resolve(*name[:3], region=name[3])
    answers.look_up(name)
    with pytest.raises(Throttled) as caught:
        answers.resolve(*name[:3], region=name[3])
    assert "Ask again" in str(caught.value)
    assert "10.0.0.1" not in str(caught.value)
