"""Of two values that compare equal a private answer shows one form: which of them one person has is told by neither.

Each attack is run on twins that differ in the rows of one person, p0077, alone, and under noise that is the same for
both: their answers are the same, byte for byte, or they tell of p0077.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.rules import direct
from support.still import PrivateTables
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused

VICTIM = "p0077"
COLUMNS = {
    "pid": "string",
    "diag": "string",
    "amount": "double",
    "single": "float",
    "price": "decimal(10,2)",
    "n": "int",
}
PLACES = ("place", "place % 3000 <> 78, place", "-place", "hash(place)")
"""Orders of rows: as they are made, p0077 first, and two others."""
PEOPLE = """
SELECT 'p' || lpad((i % 3000)::TEXT, 4, '0') AS pid, CASE WHEN i % 7 = 0 THEN 'rare' ELSE 'flu' END AS diag,
       {amount} AS amount, ({amount})::FLOAT AS single, (i % 3)::DECIMAL(10,2) AS price, (i % 3)::INTEGER AS n
  FROM range(6000) AS t(i)"""


def people(folder: Path, victims: str, others: str) -> PrivateTables:
    """Amounts of p0077, and of everybody else."""
    folder.mkdir()
    return PrivateTables(
        folder, COLUMNS, PEOPLE.format(amount=f"CASE WHEN i % 3000 = 77 THEN {victims} ELSE {others} END")
    )


ZERO, MINUS = "0::DOUBLE", "'-0.0'::DOUBLE"
NAN, OTHER_NAN = "'nan'::DOUBLE", "'-nan'::DOUBLE"

BY_KEY = {
    "a column": "SELECT amount AS k, COUNT(*) AS c FROM pd GROUP BY amount",
    "a column of FLOAT": "SELECT single AS k, COUNT(*) AS c FROM pd GROUP BY single",
    "an expression": "SELECT amount * 3 AS k, COUNT(*) AS c FROM pd GROUP BY amount * 3",
    "text of the key": "SELECT CAST(amount AS STRING) AS k, COUNT(*) AS c FROM pd GROUP BY amount",
    "a function that tells zeros apart": "SELECT ATAN2(0, amount) AS k, COUNT(*) AS c FROM pd GROUP BY amount",
    "one divided by it": "SELECT 1 / amount AS k, COUNT(*) AS c FROM pd GROUP BY amount",
    "HAVING": "SELECT COUNT(*) AS c FROM pd GROUP BY amount HAVING CAST(amount AS STRING) LIKE '-%'",
    "ORDER BY and LIMIT": "SELECT COUNT(*) AS c FROM pd GROUP BY amount, n ORDER BY CAST(amount AS STRING), n LIMIT 1",
    "two keys": "SELECT amount AS k, n AS l, COUNT(*) AS c FROM pd GROUP BY amount, n",
    "a CTE": "WITH t AS (SELECT pid, amount AS k FROM pd) SELECT k, COUNT(*) AS c FROM t GROUP BY k",
    "DISTINCT inside": "WITH t AS (SELECT DISTINCT pid, amount AS k FROM pd) SELECT k, COUNT(*) AS c FROM t GROUP BY k",
    "UNION inside": (
        "WITH t AS (SELECT pid, amount AS k FROM pd UNION SELECT pid, amount FROM pd) "
        "SELECT k, COUNT(*) AS c FROM t GROUP BY k"
    ),
    "a maximum of each person": (
        "WITH t AS (SELECT pid, MAX(amount) AS k FROM pd GROUP BY pid) SELECT k, COUNT(*) AS c FROM t GROUP BY k"
    ),
    "any value of each person": (
        "WITH t AS (SELECT pid, ANY_VALUE(amount) AS k FROM pd GROUP BY pid) SELECT k, COUNT(*) AS c FROM t GROUP BY k"
    ),
    "a window": (
        "WITH t AS (SELECT pid, LAG(amount) OVER (PARTITION BY pid ORDER BY n) AS k FROM pd) "
        "SELECT k, COUNT(*) AS c FROM t GROUP BY k"
    ),
    "text made inside": (
        "WITH t AS (SELECT pid, CAST(amount AS STRING) AS k FROM pd) SELECT k, COUNT(*) AS c FROM t GROUP BY k"
    ),
    "sums and averages": "SELECT SUM(amount) AS s, AVG(amount) AS a, STDDEV(amount) AS d FROM pd",
    "distinct values": "SELECT COUNT(DISTINCT amount) AS c FROM pd",
}


@pytest.fixture(scope="module", params=[(ZERO, MINUS), (NAN, OTHER_NAN)], ids=["zeros", "NaNs"])
def twins(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> list[PrivateTables]:
    """A table whose values are alike, and one in which those of p0077 look different."""
    folder, (one, other) = tmp_path_factory.mktemp("twins"), request.param
    return [people(folder / "alike", one, one), people(folder / "apart", other, one)]


@pytest.mark.parametrize("what", BY_KEY)
def test_a_table_whose_values_look_different_is_answered_as_one_whose_values_do_not(
    twins: list[PrivateTables], what: str
) -> None:
    answers = {str(tables.answer(BY_KEY[what], order=order)) for tables in twins for order in PLACES[:2]}
    assert len(answers) == 1
    assert "-0.0" not in str(answers)
    assert "-nan" not in str(answers)


BITS = {
    "the issue's own": (
        "WITH t AS (SELECT pid, CAST('{a}' AS DOUBLE) AS k FROM pd WHERE pid = 'p0077' AND n > {n} UNION ALL "
        "SELECT pid, CAST('{b}' AS DOUBLE) FROM pd WHERE pid <> 'p0077') "
        "SELECT k, COUNT(DISTINCT pid) AS c FROM t GROUP BY k"
    ),
    "by CASE": (
        "SELECT CASE WHEN pid = 'p0077' AND n > {n} THEN CAST('{a}' AS DOUBLE) ELSE CAST('{b}' AS DOUBLE) END AS k, "
        "COUNT(DISTINCT pid) AS c FROM pd WHERE pid <> 'p0077' OR n > {n} GROUP BY 1"
    ),
    "as text of the key": (
        "WITH t AS (SELECT pid, CASE WHEN pid = 'p0077' THEN CAST('{a}' AS DOUBLE) ELSE CAST('{b}' AS DOUBLE) END AS k "
        "FROM pd WHERE pid <> 'p0077' OR n > {n}) "
        "SELECT CONCAT(k, '!') AS k, COUNT(DISTINCT pid) AS c FROM t GROUP BY k"
    ),
    "as a float": (
        "WITH t AS (SELECT pid, CAST(CASE WHEN pid = 'p0077' THEN '{a}' ELSE '{b}' END AS FLOAT) AS k "
        "FROM pd WHERE pid <> 'p0077' OR n > {n}) SELECT k, COUNT(DISTINCT pid) AS c FROM t GROUP BY k"
    ),
    "by a product": (
        "SELECT CASE WHEN pid = 'p0077' THEN CAST('{a}' AS DOUBLE) ELSE CAST('{b}' AS DOUBLE) END * 1 AS k, "
        "COUNT(DISTINCT pid) AS c FROM pd WHERE pid <> 'p0077' OR n > {n} "
        "GROUP BY CASE WHEN pid = 'p0077' THEN CAST('{a}' AS DOUBLE) ELSE CAST('{b}' AS DOUBLE) END * 1"
    ),
    "by a join with a table of the querier's own": (
        "SELECT v AS k, COUNT(DISTINCT pid) AS c FROM pd JOIN mine ON CAST(v AS STRING) LIKE "
        "CASE WHEN pid = 'p0077' THEN '-%' ELSE '%0.0' END WHERE pid <> 'p0077' OR n > {n} GROUP BY v"
    ),
}


@pytest.fixture(scope="module")
def beside_zeros(tmp_path_factory: pytest.TempPathFactory) -> PrivateTables:
    """The querier's own table has both forms of zero."""
    mine = "SELECT unnest(['-0.0', '0.0'])::DOUBLE AS v"
    return PrivateTables(tmp_path_factory.mktemp("zeros"), COLUMNS, PEOPLE.format(amount="1::DOUBLE"), mine)


@pytest.mark.parametrize("what", BITS)
@pytest.mark.parametrize(("a", "b"), [("-0.0", "0.0"), ("0.0", "-0.0"), ("-nan", "nan")])
def test_no_key_tells_whether_one_person_is_in_its_group(
    beside_zeros: PrivateTables, what: str, a: str, b: str
) -> None:
    """Without noise the number of people tells; the key may not."""
    shown = []
    for n in (-1, 5):
        for order in PLACES[:2]:
            *rows, _ = beside_zeros.answer(BITS[what].format(a=a, b=b, n=n), order=order)
            shown.append([row.rsplit(",", 1)[0] for row in rows])
    assert all(keys == shown[0] for keys in shown)
    assert "-" not in str(shown)


INSIDE = {
    "GROUP BY": "SELECT pid, CAST(amount * -1 AS STRING) AS k FROM pd GROUP BY pid, amount * -1",
    "GROUP BY, then text": (
        "SELECT pid, CAST(k AS STRING) AS k FROM (SELECT pid, amount * n AS k FROM pd GROUP BY pid, amount * n) AS u"
    ),
    "DISTINCT": "SELECT pid, CAST(k AS STRING) AS k FROM (SELECT DISTINCT pid, amount * (n - 1) AS k FROM pd) AS u",
    "UNION": (
        "SELECT pid, CAST(k AS STRING) AS k FROM "
        "(SELECT pid, amount AS k FROM pd UNION SELECT pid, amount * -1 FROM pd) AS u"
    ),
    "INTERSECT": (
        "SELECT pid, CAST(k AS STRING) AS k FROM "
        "(SELECT pid, amount AS k FROM pd INTERSECT SELECT pid, amount * -1 FROM pd) AS u"
    ),
    "MIN": "SELECT pid, CAST(MIN(amount * (n - 1)) AS STRING) AS k FROM pd GROUP BY pid",
    "MAX of FLOAT": "SELECT pid, CAST(MAX(single * (n - 1)) AS STRING) AS k FROM pd GROUP BY pid",
    "MEDIAN": "SELECT pid, CAST(MEDIAN(amount * (n - 1)) AS STRING) AS k FROM pd GROUP BY pid",
    "FIRST_VALUE": (
        "SELECT pid, CAST(FIRST_VALUE(amount * (n - 1)) OVER (PARTITION BY pid ORDER BY amount) AS STRING) AS k FROM pd"
    ),
    "a maximum in a window": ("SELECT pid, CAST(MAX(amount * (n - 1)) OVER (PARTITION BY pid) AS STRING) AS k FROM pd"),
    "a remainder": (
        "SELECT pid, CAST(k AS STRING) AS k FROM (SELECT DISTINCT pid, PMOD(amount - n, 1) AS k FROM pd) AS u"
    ),
    "a ceiling": "SELECT pid, CAST(k AS STRING) AS k FROM (SELECT DISTINCT pid, CEIL((n - 2) / 4) AS k FROM pd) AS u",
    "DISTINCT arrays": (
        "SELECT pid, CAST(element_at(k, 1) AS STRING) AS k FROM (SELECT DISTINCT pid, array(amount * (n - 1)) AS k "
        "FROM pd) AS u"
    ),
    "GROUP BY arrays": (
        "SELECT pid, CAST(k[0] AS STRING) AS k FROM (SELECT pid, array(amount * n) AS k FROM pd "
        "GROUP BY pid, array(amount * n)) AS u"
    ),
    "arrays of whole numbers that DuckDB has as others": (
        "SELECT pid, CAST(k[0] AS STRING) AS k FROM (SELECT DISTINCT pid, array(CEIL((n - 2) / 4)) AS k FROM pd) AS u"
    ),
    "the greatest array in a window": (
        "SELECT pid, CAST(k[0] AS STRING) AS k FROM (SELECT pid, MAX(array(amount * (n - 1))) OVER (PARTITION BY pid) "
        "AS k FROM pd) AS u"
    ),
    "the first array in a window": (
        "SELECT pid, CAST(k[0] AS STRING) AS k FROM (SELECT pid, FIRST_VALUE(array(amount * (n - 1))) OVER "
        "(PARTITION BY pid ORDER BY amount) AS k FROM pd) AS u"
    ),
    "infinities": (
        "SELECT pid, CAST(MIN(k) AS STRING) AS k FROM (SELECT pid, CASE WHEN n > 1 THEN CAST('nan' AS DOUBLE) ELSE "
        "CAST('inf' AS DOUBLE) - CAST('inf' AS DOUBLE) END AS k FROM pd) AS u GROUP BY pid"
    ),
}


@pytest.fixture(scope="module")
def both_zeros(tmp_path_factory: pytest.TempPathFactory) -> PrivateTables:
    """Each person has rows of both forms of zero."""
    rows = PEOPLE.format(amount="CASE WHEN i % 2 = 0 THEN 0::DOUBLE ELSE '-0.0'::DOUBLE END").replace(
        "% 3000", "% 1000"
    )
    return PrivateTables(tmp_path_factory.mktemp("both"), COLUMNS, rows)


@pytest.mark.parametrize("what", INSIDE)
def test_what_is_made_of_each_persons_values_does_not_turn_on_the_order_of_rows(
    both_zeros: PrivateTables, what: str
) -> None:
    sql = f"WITH t AS ({INSIDE[what]}) SELECT k, COUNT(*) AS c FROM t GROUP BY k"
    answers = {
        str(both_zeros.answer(sql, order=order, threads=threads))
        for order, threads in zip(PLACES, (1, 4, 1, 4), strict=True)
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    "key",
    [
        r"CASE WHEN n > 1 THEN 'e' || '\u0301' ELSE '\u00e9' END",
        r"CASE WHEN n > 1 THEN '\u212b' ELSE '\u00c5' END",
    ],
)
def test_text_that_reads_the_same_is_one_key(tmp_path: Path, key: str) -> None:
    """An e and an accent, and an e with one; the sign of angstroms, and the letter."""
    tables = people(tmp_path / "tables", ZERO, ZERO)
    *rows, _ = tables.answer(f"SELECT {key} AS k, COUNT(*) AS c FROM pd GROUP BY {key}")
    assert len(rows) == 1
    assert ascii(rows[0]).count("\\x") == 1


def test_text_that_a_collation_would_take_for_equal_are_two_keys_and_each_is_shown_for_users_enough(
    tmp_path: Path,
) -> None:
    tables = people(tmp_path / "tables", ZERO, ZERO)
    sql = "SELECT CASE WHEN pid = 'p0077' THEN 'flu ' ELSE 'flu' END AS k, COUNT(*) AS c FROM pd GROUP BY 1"
    *rows, _ = tables.answer(sql)
    assert [row.partition(",")[0] for row in rows] == ["('flu'"]


@pytest.fixture(scope="module")
def many_rows(tmp_path_factory: pytest.TempPathFactory) -> PrivateTables:
    """More rows of a person than are kept of one."""
    rows = PEOPLE.format(amount="(i % 11)::DOUBLE / 7").replace("range(6000)", "range(13000)")
    mine = "SELECT range::INTEGER AS seq FROM range(9000)"
    return PrivateTables(tmp_path_factory.mktemp("many"), COLUMNS, rows, mine)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT diag AS k, COUNT(*) AS c, SUM(amount) AS s, AVG(n) AS a, STDDEV(price) AS d FROM pd GROUP BY diag",
        "SELECT n AS k, COUNT(*) AS c FROM pd GROUP BY n ORDER BY c * 0 LIMIT 2",
        "SELECT DISTINCT COUNT(*) % 3 AS k FROM pd GROUP BY n, diag",
        (
            "SELECT w.seq AS k, COUNT(DISTINCT pid) AS c FROM pd JOIN (SELECT seq FROM mine LIMIT 50) AS w "
            "ON n < w.seq GROUP BY w.seq"
        ),
        (
            "SELECT w.r % 4 AS k, COUNT(DISTINCT pid) AS c FROM pd JOIN (SELECT seq % 300 AS n, "
            "ROW_NUMBER() OVER (ORDER BY seq % 300) AS r FROM mine) AS w ON pd.n = w.n GROUP BY w.r % 4"
        ),
    ],
)
def test_neither_the_order_of_rows_nor_the_number_of_threads_is_seen(
    many_rows: PrivateTables, sql: str, threads: int
) -> None:
    same = many_rows.answer(sql)
    for order in PLACES[2:]:
        assert many_rows.answer(sql, order=order, threads=threads) == same


@pytest.mark.parametrize(
    "key",
    [
        "CAST('2026-01-31' AS TIMESTAMP) - CAST('2026-01-01' AS TIMESTAMP)",
        "INTERVAL '1' MONTH",
    ],
)
def test_a_key_whose_equal_values_have_several_forms_is_refused(tmp_path: Path, key: str) -> None:
    tables = people(tmp_path / "tables", ZERO, ZERO)
    with pytest.raises(Refused, match="INTERVAL"):
        tables.answer(f"SELECT {key} AS k, COUNT(*) AS c FROM pd GROUP BY {key}")
    with pytest.raises(Refused, match="INTERVAL"):
        tables.answer(f"WITH t AS (SELECT DISTINCT pid, {key} AS k FROM pd) SELECT k, COUNT(*) AS c FROM t GROUP BY k")


@pytest.mark.parametrize(
    "nested", ["array(array(amount))", "map(diag, amount)", "map(amount, diag)", "array(array(n))"]
)
def test_what_is_nested_with_numbers_in_it_is_refused_where_one_of_equal_ones_may_be_chosen(
    tmp_path: Path, nested: str
) -> None:
    tables = people(tmp_path / "tables", ZERO, ZERO)
    with pytest.raises(Refused, match="equal values may look different"):
        tables.answer(f"WITH t AS (SELECT DISTINCT pid, {nested} AS k FROM pd) SELECT COUNT(*) AS c FROM t")


@pytest.mark.parametrize("key", ["array(amount)", "array(n)", "array(diag)", "map(diag, n)"])
def test_no_group_has_a_nested_key(tmp_path: Path, key: str) -> None:
    tables = people(tmp_path / "tables", ZERO, ZERO)
    with pytest.raises(Refused, match="equal values may look different"):
        tables.answer(f"SELECT {key} AS k, COUNT(*) AS c FROM pd GROUP BY {key}")


@pytest.mark.parametrize("function", ["SUM(seq) OVER (PARTITION BY seq)", "PERCENTILE_APPROX(seq, 0.5)"])
def test_what_depends_on_the_order_of_the_queriers_own_rows_is_refused_beside_protected_ones(
    tmp_path: Path, function: str
) -> None:
    tables = people(tmp_path / "tables", ZERO, ZERO)
    sql = f"SELECT COUNT(*) AS c FROM pd JOIN (SELECT {function} AS s FROM mine) AS w ON n = s"
    with pytest.raises(Refused, match="order in which rows are met"):
        judge_and_write(direct(sql, tables.tables, epsilon_left="9"))
