"""How columns are read, as far as no database is needed to tell (tests/contract/databases/ has a real one)."""

from __future__ import annotations

import pytest

from whiteroom.databases.postgresql.types import KnownColumn, source_column
from whiteroom.domain.privacy.column_types import require_flat


def known(
    type_name: str, modifier: int = -1, schema: str = "pg_catalog", kind: str = "b", shown: str = ""
) -> KnownColumn:
    return KnownColumn("x", type_name, schema, kind, modifier, shown or type_name)


@pytest.mark.parametrize("name", ["int4", "text", "numeric", "uuid"])
def test_a_type_of_another_schema_is_not_taken_for_postgresqls_own(name: str) -> None:
    column = source_column(known(name, modifier=(10 << 16 | 2) + 4, schema="public"))
    assert column.expression == ""
    with pytest.raises(ValueError, match="cannot be queried"):
        require_flat(column.type)


def test_a_type_that_cannot_be_read_is_shown_in_printable_characters_and_not_at_any_length() -> None:
    column = source_column(known("odd", schema="public", shown="o\x1bd\n" + "d" * 1_000))
    assert column.type.isprintable()
    assert len(column.type) < 150


@pytest.mark.parametrize(
    ("modifier", "kind"),
    [((20 << 16 | 4) + 4, "decimal(20,4)"), ((38 << 16) + 4, "decimal(38,0)"), ((1 << 16 | 1) + 4, "decimal(1,1)")],
)
def test_the_digits_of_a_number_are_those_of_its_modifier(modifier: int, kind: str) -> None:
    assert source_column(known("numeric", modifier)).type == kind
