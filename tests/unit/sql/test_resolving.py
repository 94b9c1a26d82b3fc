"""What is said of SQL that cannot be read, and of names that lead nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.rules import CUSTOM, CUSTOMERS, IMPRESSIONS, QUERIER, direct, table
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused

TABLES = (table("impressions", IMPRESSIONS, "CUSTOM", CUSTOM), table("customers", CUSTOMERS, "CUSTOM", CUSTOM, QUERIER))
CLASSES = ("class", "sqlglot", "Token", "exp.", "Expression", "Required keyword", "None")


def refusal(sql: str, **changes: object) -> str:
    with pytest.raises(Refused) as refused:
        judge_and_write(direct(sql, changes.pop("tables", TABLES), **changes))  # type: ignore[arg-type]
    return str(refused.value)


@pytest.mark.parametrize(
    ("sql", "place", "words"),
    [
        ("SELEC zip FROM impressions", "line 1, column 11, near «SELEC zip FROM impressions»", "not expected"),
        ("SELECT zip,\n  cost\nFROM impressions WHERE zip = ", "line 3, column 28, near", "something is missing"),
        ("SELECT zip FROM", "line 1, column 12, near «SELECT zip FROM»", "a table's name is missing"),
        ("SELECT (zip FROM impressions", "line 1, column 13", "There ) is missing"),
        ("SELECT zip z y FROM impressions", "line 1, column 14", "not expected"),
        ("SELECT CASE WHEN TRUE THEN FROM impressions", "line 1, column 28", "something is missing"),
        ("SELECT 'abc FROM impressions", "line 1, column 8, near «SELECT 'abc FROM impressions»", "a text begins"),
        ("SELECT zip\nFROM `impressions", "line 2, column 6, near «FROM `impressions»", "a name in back quotes"),
        ("SELECT zip FROM impressions /* all", "line 1, column 29", "a comment begins"),
        ("SELECT substr() FROM impressions", "line 1, column 15", "something is missing"),
        ("SELECT 'a''b', '\\'', zip FROM impressions WHERE x = 'y", "line 1, column 53", "a text begins"),
        (f"SELECT {'a, ' * 100} b c d FROM impressions", "near «...", "not expected"),
    ],
)
def test_sql_that_cannot_be_read_is_told_by_its_place_and_by_no_class_of_a_library(
    sql: str, place: str, words: str
) -> None:
    found = refusal(sql)
    assert place in found
    assert words in found
    assert not any(name in found for name in CLASSES)
    assert len(found) < 300


def test_a_table_that_is_not_there_is_told_with_those_that_are() -> None:
    found = refusal("SELECT a FROM nothere", other_tables=("weather",))
    assert found.startswith("There is no table 'nothere' in this collaboration.")
    assert found.endswith("Its tables are: 'customers', 'impressions', 'weather'.")


def test_also_where_the_text_names_none_that_is_there() -> None:
    found = refusal("SELECT a FROM nothere", tables=(), other_tables=("impressions", "weather"))
    assert "Its tables are: 'impressions', 'weather'." in found


def test_where_there_is_no_table_at_all_it_says_what_to_do() -> None:
    assert "CreateConfiguredTableAssociation" in refusal("SELECT a FROM nothere", tables=())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT age FROM customers",
        "SELECT c.age FROM customers c",
        "SELECT id FROM customers WHERE age > 3",
        "SELECT id FROM customers ORDER BY age",
        "WITH t AS (SELECT id FROM customers) SELECT age FROM t",
        "SELECT id FROM customers c WHERE EXISTS (SELECT age FROM customers d)",
    ],
)
def test_a_column_that_is_not_there_is_told_with_those_that_are_allowed(sql: str) -> None:
    found = refusal(sql)
    assert "There is no column 'age'" in found
    assert "of 'customers' id, segment, spend, flag" in found


def test_one_that_is_not_allowed_is_as_if_it_were_not_there() -> None:
    columns = {**CUSTOMERS, "ssn": "string"}
    hidden = table("customers", columns, "CUSTOM", CUSTOM, QUERIER)
    hidden = replace(hidden, allowed_columns=tuple(CUSTOMERS))
    told = [refusal(f"SELECT {name} FROM customers", tables=(hidden,)) for name in ("ssn", "xyz")]
    assert told[0].replace("ssn", "xyz") == told[1]
    assert "ssn" not in told[1]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM customers a JOIN customers b ON a.id = b.id",
        "SELECT c.id FROM customers c WHERE zip = '1' AND EXISTS (SELECT 1 FROM impressions)",
    ],
)
def test_a_column_that_several_sources_have_or_none_that_is_read_there_is_told_so(sql: str) -> None:
    assert "Write the name of its source before it" in refusal(sql)
