"""Whether a private query fails, and in which order rows of one's own are met, tells nothing of one person.

DuckDB reads of the attacker's own table what the join with protected rows asks for: an aggregate, a window or a
sub-query over it that fails on one row, or turns on the order of rows, would tell whether a person joins to that row.
"""

from __future__ import annotations

import pytest

from support.still import PrivateTables
from whiteroom.sql.refusals import Refused

COLUMNS = {"pid": "string", "diag": "string", "n": "int"}
PEOPLE = "SELECT 'p' || lpad(i::TEXT, 4, '0') AS pid, 'flu' AS diag, ({n})::INTEGER AS n FROM range(300) AS t(i)"
VICTIMS = {"who joins to the row": "i % 10", "who does not": "CASE WHEN i = 77 THEN 3 ELSE i % 10 END"}
MINE = """
SELECT i::INTEGER AS seq, (i % 13)::INTEGER AS g,
       CASE i % 13 WHEN 7 THEN 1e308 WHEN 8 THEN 'inf'::DOUBLE WHEN 9 THEN 'nan'::DOUBLE WHEN 10 THEN '-0.0'::DOUBLE
                   WHEN 11 THEN -1e308 ELSE i / 7 END AS x,
       CASE i % 13 WHEN 7 THEN 9223372036854775807 WHEN 8 THEN -9223372036854775808 ELSE i END::BIGINT AS big,
       CASE i % 13 WHEN 7 THEN 'no number' WHEN 8 THEN '' WHEN 9 THEN NULL ELSE i::TEXT END AS word
  FROM range(4000) AS t(i)"""
"""Of the attacker: rows of group 7 and above hold what aggregates and casts fail on."""


def by_group(value: str, source: str = "mine") -> str:
    """A private query to whose users values of groups of one's own table are joined."""
    return (
        f"WITH w AS (SELECT g, {value} AS v FROM {source} GROUP BY g) "
        "SELECT CAST(w.v AS STRING) AS k, COUNT(DISTINCT pid) AS c FROM pd JOIN w ON pd.n = w.g GROUP BY 1"
    )


def by_row(value: str, source: str = "mine") -> str:
    """One to whose users values of rows of it are joined."""
    return (
        f"WITH w AS (SELECT g, {value} AS v FROM {source}) "
        "SELECT CAST(w.v AS STRING) AS k, COUNT(DISTINCT pid) AS c FROM pd JOIN w ON pd.n = w.g GROUP BY 1"
    )


REFUSED = {
    "a kurtosis": by_group("kurtosis(x)"),
    "a skewness": by_group("skewness(x)"),
    "a correlation": by_group("corr(x, big)"),
    "a regression's slope": by_group("regr_slope(x, big)"),
    "a regression's intercept": by_group("regr_intercept(x, big)"),
    "a regression's R2": by_group("regr_r2(x, big)"),
    "a regression's averages": by_group("regr_avgx(x, big)"),
    "a regression's sums": by_group("regr_sxy(x, big)"),
    "a sum of distinct decimals": by_group("sum(DISTINCT CAST(big AS DECIMAL(38, 18)))"),
    "an average of distinct reals": by_group("avg(DISTINCT x)"),
    "a deviation of distinct reals": by_group("stddev(DISTINCT x)"),
    "a percentile by approximation": by_group("percentile_approx(x, 0.5)"),
    "bits of numbers": by_group("bit_and(big)"),
    "bits of either": by_group("bit_xor(big)"),
    "a list of values": by_group("collect_list(x)"),
    "a sum over a window": by_row("sum(x) OVER (PARTITION BY g)"),
    "tiles of a column's number": by_row("ntile(g) OVER (ORDER BY seq)"),
    "no tiles": by_row("ntile(0) OVER (ORDER BY seq)"),
    "a frame by values": by_row(
        "count(*) OVER (PARTITION BY g ORDER BY seq RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)"
    ),
    "a sub-query of several rows": by_row("(SELECT m.big FROM mine AS m WHERE m.seq = mine.seq - mine.g)"),
    "a sub-query of groups": by_row("(SELECT max(m.big) FROM mine AS m WHERE m.g = mine.g GROUP BY m.seq)"),
    "a sub-query that aggregates what is around it": by_group("(SELECT max(mine.big) FROM mine AS m)"),
    "a sub-query with an aggregate in a sub-query": by_row(
        "(SELECT (SELECT max(a.seq) FROM mine AS a) FROM mine AS m)"
    ),
    "a sub-query over a window": by_row("(SELECT max(m.seq) OVER () FROM mine AS m)"),
    "a sub-query of a UNION": by_row("(SELECT 1 UNION SELECT m.seq FROM mine AS m)"),
    "a sub-query of two rows": by_row("(SELECT m.seq FROM mine AS m ORDER BY 1 LIMIT 2)"),
    "a sub-query in a list": by_row("seq IN (1, (SELECT m.seq FROM mine AS m))"),
    "a sub-query that is looked for": by_row("(SELECT m.seq FROM mine AS m) IN (SELECT seq FROM mine)"),
    "a sub-query that sorts what is around it": by_row(
        "(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY mine.x) FROM mine AS m)"
    ),
    "a sub-query that filters what is around it": by_row(
        "(SELECT count(*) FILTER (WHERE mine.seq > 1) FROM mine AS m)"
    ),
    "the first that is there": by_group("first(word) IGNORE NULLS"),
    "any that is there": by_group("any_value(word, true)"),
    "the first of a window that is there": by_row("first_value(word) IGNORE NULLS OVER (PARTITION BY g ORDER BY g)"),
    "a sub-query in ON": (
        "SELECT COUNT(*) AS c FROM pd JOIN (SELECT a.g FROM mine AS a JOIN mine AS b ON a.seq = "
        "(SELECT m.seq FROM mine AS m)) AS w ON pd.n = w.g"
    ),
    "text that is looked for among numbers": by_row("seq IN (SELECT word FROM mine)"),
    "arithmetic over an aggregate": by_group("CAST(max(word) AS INT) + 1"),
    "a date made of an aggregate": by_group("to_date(max(word))"),
    "text that grows": by_row("length(repeat(word, seq))"),
    "spaces": by_row("length(space(seq))"),
    "padding": by_row("length(lpad(word, seq, 'x'))"),
    "a format": by_row("length(format_string('%5000d', seq))"),
    "an array that is made long": by_row("size(sequence(1, seq))"),
    "an array of copies": by_row("size(array_repeat(word, seq))"),
    "a fold": by_row("length(aggregate(array(word, word), word, (a, e) -> concat(a, a)))"),
    "a factorial": by_row("factorial(g)"),
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> list[PrivateTables]:
    """Tables that differ in whether one person, p0077, joins to the attacker's worst group."""
    return [
        PrivateTables(tmp_path_factory.mktemp("twin"), COLUMNS, PEOPLE.format(n=joined), MINE)
        for joined in VICTIMS.values()
    ]


@pytest.mark.parametrize("what", REFUSED)
def test_what_may_fail_or_turn_on_order_is_refused_over_the_attackers_own_table(
    twins: list[PrivateTables], what: str
) -> None:
    """By a sentence that is the same whatever the tables hold."""
    said = set()
    for tables in twins:
        with pytest.raises(Refused) as refused:
            tables.answer(REFUSED[what])
        said.add(str(refused.value))
    assert len(said) == 1
    assert "differential privacy" in said.pop()


ALLOWED = {
    "any value": by_group("any_value(x)"),
    "the first": by_group("first(word)"),
    "counts": by_group("count(x)"),
    "distinct counts": by_group("count(DISTINCT word)"),
    "conditions": by_group("count_if(x > 1)"),
    "all of them": by_group("bool_and(x > 1)"),
    "a sum of reals": by_group("sum(x)"),
    "a sum of integers": by_group("sum(big)"),
    "a sum of decimals": by_group("sum(CAST(big AS DECIMAL(38, 0)))"),
    "a sum of text": by_group("sum(word)"),
    "an average": by_group("avg(big)"),
    "a deviation": by_group("stddev(x)"),
    "a variance": by_group("var_pop(x)"),
    "a covariance": by_group("covar_pop(x, big)"),
    "a median": by_group("median(x)"),
    "a percentile": by_group("percentile(x, 0.3)"),
    "a percentile by order": by_group("percentile_disc(0.3) WITHIN GROUP (ORDER BY x)"),
    "a value by the greatest": by_group("max_by(word, x)"),
    "an approximate count": by_group("approx_count_distinct(word)"),
    "pairs": by_group("regr_count(x, big)"),
    "extremes": by_group("max(x)"),
    "a filter": by_group("sum(x) FILTER (WHERE x > 1)"),
    "casts": by_row("CAST(word AS INT)"),
    "arithmetic": by_row("big * big + seq"),
    "a division": by_row("big / (g - 7)"),
    "dates": by_row("date_add(DATE '2026-01-01', seq * 1000000)"),
    "logarithms": by_row("ln(x) + sqrt(x)"),
    "patterns": by_row("regexp_extract(word, '([0-9])', 1)"),
    "a place of an array": by_row("element_at(array(word, 'a'), 2)"),
    "tiles": by_row("ntile(4) OVER (PARTITION BY g ORDER BY seq)"),
    "a neighbour": by_row("lag(x, 2) OVER (PARTITION BY g ORDER BY big)"),
    "the second": by_row("nth_value(x, 2) OVER (PARTITION BY g ORDER BY big)"),
    "ranks": by_row("dense_rank() OVER (ORDER BY x)"),
    "a frame": by_row("max(x) OVER (PARTITION BY g ORDER BY big ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"),
    "a sub-query": by_row("(SELECT max(m.big) FROM mine AS m WHERE m.g = mine.g)"),
    "a sub-query of one row": by_row("(SELECT m.word FROM mine AS m WHERE m.g = mine.g ORDER BY m.seq LIMIT 1)"),
    "a sub-query that is there": by_row("EXISTS (SELECT 1 FROM mine AS m WHERE m.big = mine.seq)"),
    "a sub-query of many": by_row("big IN (SELECT seq FROM mine)"),
    "groups of groups": (
        "WITH w AS (SELECT g * 1 AS g, grouping(g * 1) AS v FROM mine GROUP BY GROUPING SETS ((g * 1, x), (g * 1))) "
        "SELECT w.v AS k, COUNT(DISTINCT pid) AS c FROM pd JOIN w ON pd.n = w.g GROUP BY 1"
    ),
    "groups of fewer and fewer keys": (
        "WITH w AS (SELECT g, x + 1 AS v, count(*) AS c FROM mine GROUP BY ROLLUP (g, x + 1)) "
        "SELECT w.v AS k, COUNT(DISTINCT pid) AS c FROM pd JOIN w ON pd.n = w.g GROUP BY 1"
    ),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_is_allowed_over_the_attackers_own_table_fails_on_no_row_and_is_the_same_in_any_order(
    twins: list[PrivateTables], what: str
) -> None:
    for tables in twins:
        orders = [("place", 1), ("-place", 4), ("hash(place)", 2)]
        answers = {str(tables.answer(ALLOWED[what], order=order, threads=threads)) for order, threads in orders}
        assert len(answers) == 1


@pytest.mark.parametrize(
    "value",
    [
        "slice(array(n, 1), 1, 1)[0]",
        "IF(n > 1, array(n, 1), array(n))[0]",
        "CASE WHEN n > 1 THEN map(diag, n) ELSE map(diag, n, 'x', 1) END[diag]",
        "coalesce(array(n), array(2))[0]",
        "nvl2(diag, array(n), array(2))[0]",
        "concat(array(n), array(2))[0]",
        "reverse(array(2, n))[0]",
        "slice(concat(array(2), reverse(array(n))), -1, 1)[0]",
    ],
)
def test_arrays_are_made_and_taken_apart_in_a_private_query_as_in_any_other(
    twins: list[PrivateTables], value: str
) -> None:
    (row, _), (plain, _) = (twins[0].answer(f"SELECT avg({one}) AS a FROM pd") for one in (value, "n"))
    assert row == plain


@pytest.mark.parametrize("value", ["slice(array(diag), n, 1)[0]", "slice(array(diag), 1, n - 3)[0]"])
def test_a_function_of_arrays_that_would_end_any_other_query_makes_null_in_a_private_one(
    twins: list[PrivateTables], value: str
) -> None:
    for tables in twins:
        assert tables.answer(f"SELECT count({value}) AS c FROM pd")
