"""That nothing is left to resolve in what is judged and run."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from support.rules import CUSTOM, CUSTOMERS, IMPRESSIONS, QUERIER, direct, table
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused

TABLES = (table("impressions", IMPRESSIONS, "CUSTOM", CUSTOM), table("customers", CUSTOMERS, "CUSTOM", CUSTOM, QUERIER))

QUERIES = [
    "SELECT * FROM impressions",
    "SELECT i.*, c.id FROM impressions i JOIN customers c ON i.user_id = c.id",
    "WITH impressions AS (SELECT id AS zip FROM customers) SELECT impressions.zip FROM impressions",
    "WITH a AS (SELECT zip FROM impressions), b AS (SELECT a.zip AS a FROM a) SELECT a FROM b a",
    "SELECT t.a FROM (SELECT t.zip AS a FROM impressions t) t WHERE t.a IN (SELECT t.id FROM customers t)",
    "SELECT id FROM customers c WHERE EXISTS (SELECT 1 AS id FROM impressions c2 WHERE c2.user_id = c.id)",
    "SELECT id AS segment, segment AS id FROM customers ORDER BY segment, id || 'x', customers.segment",
    "SELECT zip, COUNT(*) AS zips FROM impressions GROUP BY 1 HAVING zips > 1 ORDER BY 2 DESC",
    "SELECT zip FROM impressions UNION SELECT id FROM customers ORDER BY zip LIMIT 3",
    "(SELECT zip FROM impressions) ORDER BY zip",
    "SELECT user_id FROM impressions NATURAL JOIN (SELECT id AS user_id FROM customers) c",
    "SELECT user_id FROM impressions FULL JOIN (SELECT id AS user_id FROM customers) c USING (user_id)",
    "SELECT id, a FROM customers CROSS JOIN VALUES (1), (2) AS v(a)",
    "SELECT i.zip FROM (impressions i JOIN customers c ON i.user_id = c.id)",
    "SELECT zip AS a, a || 'x' AS b FROM impressions",
    "WITH x(`Zip`, n) AS (SELECT zip, COUNT(*) FROM impressions GROUP BY zip) SELECT `ZIP`, N FROM X",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_every_source_and_output_has_a_name_of_its_own_and_every_column_its_source(sql: str) -> None:
    tree = sqlglot.parse_one(judge_and_write(direct(sql, TABLES)).sql, dialect="duckdb")
    sources = [node.alias for node in tree.find_all(exp.TableAlias, exp.CTE) if isinstance(node, exp.CTE)]
    sources += [node.alias for node in tree.find_all(exp.Table, exp.Subquery) if node.alias]
    outputs = [shown.alias for select in tree.find_all(exp.Select) for shown in select.selects]
    names = [*sources, *outputs]
    assert len(names) == len(set(names))
    assert all(name.startswith("wr$") for name in names)
    assert not any(isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count) for node in tree.walk())
    assert not any(join.args.get("using") or join.args.get("method") for join in tree.find_all(exp.Join))
    for column in tree.find_all(exp.Column):
        if column.table:
            assert column.table in sources
        else:
            # In ORDER BY the name of an output, which is nobody else's.
            assert column.find_ancestor(exp.Order) is not None
            assert column.name in outputs
    literals = [node.expression for node in tree.find_all(exp.Limit, exp.Offset)]
    assert all(isinstance(literal, exp.Literal) for literal in literals)


def test_the_names_that_members_chose_come_back_in_the_output_alone() -> None:
    guarded = judge_and_write(
        direct("SELECT t.geld AS `Summe` FROM (SELECT cost AS geld FROM impressions t) t", TABLES)
    )
    assert guarded.judged.output_columns == ("Summe",)
    assert "geld" not in guarded.sql.lower()
    assert "summe" not in guarded.sql.lower()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT zip, cost AS zip FROM impressions",
        "SELECT zip, cost AS `ZIP` FROM impressions",
        "SELECT n FROM (SELECT zip AS n, cost AS N FROM impressions) t",
        "SELECT COUNT(*) AS n FROM (SELECT * FROM impressions i JOIN impressions j ON i.user_id = j.user_id) t",
        "WITH t AS (SELECT i.*, c.id AS user_id FROM impressions i, customers c) SELECT COUNT(*) AS n FROM t",
        "WITH t(a, a) AS (SELECT zip, cost FROM impressions) SELECT COUNT(*) AS n FROM t",
        "SELECT id FROM customers WHERE id IN (SELECT a FROM (SELECT zip AS a, user_id AS a FROM impressions) t)",
        "SELECT id FROM customers WHERE EXISTS (SELECT zip, zip FROM impressions)",
        "SELECT id FROM customers UNION SELECT n FROM (SELECT zip AS n, zip AS n FROM impressions) t",
    ],
)
def test_two_outputs_of_one_name_are_refused_in_any_select(sql: str) -> None:
    with pytest.raises(Refused, match="Give each a name of its own"):
        judge_and_write(direct(sql, TABLES))


def test_a_column_around_that_a_source_inside_hides_is_not_guessed() -> None:
    sql = "SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM impressions c WHERE c.user_id = id)"
    with pytest.raises(Refused, match="cannot be followed"):
        judge_and_write(direct(sql, TABLES))


@pytest.mark.parametrize("text", ["i.user_id = k.id", "k.id = i.user_id"])
def test_two_sources_of_one_name_are_refused(text: str) -> None:
    sql = f"SELECT k.zip FROM impressions k JOIN customers k ON {text.replace('i.', 'k.')}"
    with pytest.raises(Refused):
        judge_and_write(direct(sql, TABLES))
