from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from whiteroom.sql.predicates import uses_of

SEEN = {
    "SELECT 1 FROM t a WHERE a.p = 1": ["p=1"],
    "SELECT 1 FROM t a WHERE 1 < a.p AND a.q <> 'x'": ["p>1 & q<>'x'"],
    "SELECT 1 FROM t a WHERE (a.p = 1 OR a.p = 2) AND (a.q = 'x')": ["p=1|p=2 & q='x'"],
    "SELECT 1 FROM t a WHERE a.p IN (1, -2)": ["p=1|p=-2"],
    "SELECT 1 FROM t a WHERE a.p BETWEEN 1 AND 2": ["p>=1 & p<=2"],
    "SELECT 1 FROM t a WHERE a.d = CAST('2024-01-01' AS DATE)": ["d='2024-01-01'"],
    "SELECT 1 FROM t a JOIN u ON a.p = 1 AND a.k = u.k": ["p=1"],
    "SELECT 1 FROM t a LEFT JOIN u ON a.p = 1 WHERE a.q = 'x'": ["q='x'"],
    "SELECT 1 FROM u LEFT JOIN t a ON a.p = 1 WHERE a.q = 'x'": ["q='x'"],
    "SELECT 1 FROM u FULL JOIN t a ON a.k = u.k WHERE a.p = 1": ["p=1"],
    "SELECT 1 FROM t a WHERE a.p = 1 UNION ALL SELECT 1 FROM t b WHERE b.p = 2": ["p=1", "p=2"],
    "SELECT 1 FROM t a WHERE NOT EXISTS (SELECT 1 FROM t b WHERE b.p = 2 AND a.p = 1)": ["", "p=2"],
    "SELECT 1 FROM (SELECT b.p FROM t b) a WHERE a.p = 1": [""],
    "SELECT 1 FROM t a GROUP BY a.p HAVING a.p = 1": [""],
    "SELECT 1 FROM u LEFT ANTI JOIN t a ON a.p = 1": [""],
}
"""Queries, and what holds of each use of the table."""

NOTHING = (
    "a.p IS NULL",
    "a.p <=> 1",
    "NOT a.p = 1",
    "NOT a.p IN (1)",
    "a.p = 1 OR a.k = a.q",
    "a.p = 1 OR u.p = 1",
    "a.p + 0 = 1",
    "a.p = a.q",
    "a.p IN (1, a.q)",
    "a.p IN (SELECT 1)",
    "CAST(a.p AS STRING) = '1'",
    "coalesce(a.p, 1) = 1",
    "a.p = CAST('1' AS INT)",
    "u.p = 1",
)
"""Conditions that leave nothing out."""


def told(sql: str) -> list[str]:
    tree = sqlglot.parse_one(sql, dialect="spark")
    assert isinstance(tree, exp.Query)
    uses = uses_of(tree, ["t"])["t"]
    return sorted(
        " & ".join(
            "|".join(
                f"{one.column}{one.operator.value}{repr(one.literal) if one.is_text else one.literal}" for one in any_of
            )
            for any_of in use
        )
        for use in uses
    )


@pytest.mark.parametrize("sql", SEEN)
def test_what_stands_beside_a_table_holds_for_all_that_its_use_sees(sql: str) -> None:
    assert told(sql) == SEEN[sql]


@pytest.mark.parametrize("condition", NOTHING)
def test_what_may_be_true_of_null_or_is_no_comparison_with_a_literal_leaves_nothing_out(condition: str) -> None:
    assert told(f"SELECT 1 FROM t a, u WHERE {condition}") == [""]
