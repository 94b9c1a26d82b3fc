from __future__ import annotations

import itertools

import duckdb
import pytest

from whiteroom.domain.privacy.partitions import Comparison, Operator, may_be_seen

VALUES = {
    "int": ("1", "-1", "10", "9", "007", "x", "2147483648", None),
    "string": ("1", "a", "B", "é", "", "a b", None),
    "date": ("2024-01-02", "2024-1-2", "2023-12-31", "2023-02-29", "x", None),
    "double": ("1.5", "x", None),
}
LITERALS = {"int": ("1", "9", "-1"), "string": ("a", "B", ""), "date": ("2024-01-01", "2024-01-02"), "double": ("1.5",)}
DUCKDB = {"int": "INTEGER", "string": "VARCHAR", "date": "DATE", "double": "DOUBLE"}


@pytest.mark.parametrize("kind", VALUES)
def test_what_is_left_out_holds_nothing_of_what_duckdb_finds(kind: str) -> None:
    for value, operator, literal in itertools.product(VALUES[kind], Operator, LITERALS[kind]):
        is_text = kind in {"string", "date"}
        comparison = Comparison("p", operator, literal, is_text)
        kept = may_be_seen({"p": value}, {"p": kind}, [((comparison,),)])
        written = f"'{literal}'" if is_text else literal
        sql = f"SELECT TRY_CAST(? AS {DUCKDB[kind]}) {operator.value} CAST({written} AS {DUCKDB[kind]})"
        [(holds,)] = duckdb.execute(sql, [value]).fetchall()
        assert kept or not holds, comparison
        readable = duckdb.execute(f"SELECT TRY_CAST(? AS {DUCKDB[kind]}) IS NOT NULL", [value]).fetchall()[0][0]
        assert kept or readable or value is None, f"{value} is left out, and nobody is told that it is no {kind}"


def test_a_partition_is_brought_if_any_use_may_see_it_by_all_of_its_conditions() -> None:
    one, two = Comparison("p", Operator.EQ, "1", False), Comparison("p", Operator.EQ, "2", False)
    three = Comparison("q", Operator.EQ, "x", True)
    types = {"p": "int", "q": "string"}

    def seen(p: str, q: str, *uses: tuple[tuple[Comparison, ...], ...]) -> bool:
        return may_be_seen({"p": p, "q": q}, types, uses)

    assert [seen(p, "x", ((one, two),)) for p in "123"] == [True, True, False]
    assert [seen(p, "x", ((one,), (three,))) for p in "12"] == [True, False]
    assert [seen("1", q, ((one,), (three,))) for q in "xy"] == [True, False]
    assert [seen(p, "y", ((one,),), ((two,),)) for p in "123"] == [True, True, False]
    assert seen("9", "z", ((one,),), ())


def test_comparisons_of_other_columns_and_with_other_types_leave_nothing_out() -> None:
    types = {"p": "int"}
    for other in (
        Comparison("q", Operator.EQ, "1", False),
        Comparison("p", Operator.EQ, "2", True),
        Comparison("p", Operator.EQ, "2.0", False),
    ):
        assert may_be_seen({"p": "1"}, types, [((other,),)])
