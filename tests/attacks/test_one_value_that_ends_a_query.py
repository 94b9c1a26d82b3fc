"""No value of one person ends a private query: what would fail on it is NULL for that row, or refused by name.

Each attempt is run where p0007 has values on which much fails, and where it has plain ones: both are answered, or both
are refused by the same sentence.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from attacks.conftest import PATIENTS, ROWS, Attacker
from support.rules import OWNER, QUERIER
from support.still import PrivateTables
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.sql.refusals import Refused

COLUMNS = {
    "pid": "string",
    "diag": "string",
    "n": "int",
    "day": "date",
    "ts": "timestamp",
    "x": "double",
    "d": "decimal(38,0)",
    "b": "bigint",
}
PEOPLE = """
SELECT 'p' || lpad(i::TEXT, 4, '0') AS pid, CASE WHEN {bad} THEN 'maybe\\' ELSE 'true' END AS diag, i::INTEGER AS n,
       CASE WHEN {bad} THEN DATE '5881580-07-10' ELSE DATE '2024-01-01' END AS day,
       CASE WHEN {bad} THEN TIMESTAMP '290309-12-22 (BC) 00:00:00' ELSE TIMESTAMP '2024-01-01' END AS ts,
       CASE WHEN {bad} THEN 1e300 ELSE 1 END::DOUBLE AS x,
       CASE WHEN {bad} THEN '99999999999999999999999999999999999999' ELSE '1' END::DECIMAL(38, 0) AS d,
       CASE WHEN {bad} THEN -9223372036854775808 ELSE 1 END::BIGINT AS b
  FROM range(40) AS t(i)"""

OF_A_ROW = [
    "CAST(x AS TIMESTAMP)",
    "try_cast(x AS TIMESTAMP)",
    "CAST(d AS TIMESTAMP)",
    "try_cast(d AS TIMESTAMP)",
    "CAST(b AS TIMESTAMP)",
    "CAST(CAST(ts AS DOUBLE) AS TIMESTAMP)",
    "timestamp_micros(b)",
    "timestamp_millis(b)",
    "timestamp_seconds(b)",
    "CAST(day AS TIMESTAMP)",
    "CAST(ts AS DATE)",
    "CAST(diag AS TIMESTAMP)",
    "CAST(CAST(b AS TIMESTAMP) AS STRING)",
    "concat(timestamp_micros(b), 'a')",
    "length(CAST(b AS TIMESTAMP))",
    "hex(CAST(timestamp_micros(b) AS STRING))",
    "CAST(ts - INTERVAL '1' DAY AS STRING)",
    "date_trunc('YEAR', ts)",
    "CAST(date_trunc('YEAR', ts) AS STRING)",
    "array_join(array(CAST(timestamp_micros(b) AS STRING)), ',')",
    "date_format(timestamp_micros(b), 'yyyy')",
    "timestampadd(YEAR, n * 1000000, ts)",
    "date_add(day, n * 10000000)",
    "CAST(date_add(day, 1000) AS STRING)",
    "last_day(day)",
    "months_between(ts, day)",
    "year(timestamp_micros(b))",
    "unix_timestamp(timestamp_micros(b))",
    "datediff(day, DATE '0001-01-01')",
    "-b",
    "abs(b)",
    "b - 1",
    "b * b",
    "b / (n - 7)",
    "d * d",
    "d + d",
    "x * x",
    "CAST(x AS INT)",
    "CAST(x AS DECIMAL(10, 2))",
    "CAST(d AS INT)",
    "CAST(diag AS BOOLEAN)",
    "CAST(diag AS INT)",
    "CASE WHEN diag THEN 1 END",
    "IF(diag, 1, 2)",
    "n / 0",
    "n % 0",
    "ln(x)",
    "exp(x)",
    "pow(x, 2)",
    "round(x, 2)",
    "ceil(x)",
    "chr(n * 10000000)",
    "array(n)[b]",
    "element_at(array(n), n)",
    "substring(diag, n, n)",
    "conv(diag, 10, 16)",
    "to_date(diag)",
    "unhex(diag)",
    "from_base64(diag)",
    "get(array(n), n)",
    "width_bucket(x, 0.0D, 1.0D, 5)",
    "shiftleft(b, n)",
    "map(diag, n)[diag]",
    "make_date(b, 1, 1)",
    "make_timestamp(b, 1, 1, 1, 1, 1)",
    "next_day(day, diag)",
    "add_months(day, n * 10000000)",
    "trunc(day, diag)",
    "'abc' LIKE diag",
    "diag LIKE concat('a', diag)",
    "diag ILIKE concat('a', diag)",
    "diag LIKE 'a%'",
    "diag LIKE 'a|%' ESCAPE '|'",
    "diag LIKE 'a|' ESCAPE '|'",
    r"diag LIKE 'a\\'",
    r"diag NOT LIKE 'ab\\\\'",
    "diag IS TRUE",
    "n IS NOT FALSE",
    "day IS TRUE",
    "(n > 3) IS TRUE",
    "diag = true",
    "diag <=> true",
    "array_max(d)",
    "element_at(d, n)",
    "get(b, n)",
    "from_utc_timestamp(ts, 'Europe/Berlin')",
    "to_utc_timestamp(ts, '+14:00')",
    "from_utc_timestamp(timestamp_micros(b), 'Asia/Tokyo')",
    "CAST(n AS TIMESTAMP)",
    "INTERVAL b YEAR IS NULL",
    "INTERVAL x MICROSECOND IS NULL",
    "INTERVAL diag DAY IS NULL",
    "replace(replace(diag, 'e', diag), 'e', diag)",
    "regexp_replace(diag, 'e', diag)",
]
NO_CONDITIONS = [
    "diag",
    "n",
    "day",
    "substring_index(diag, '-', 1)",
    "decode(encode(diag, 'UTF-8'), 'UTF-8')",
    "elt(1, diag)",
    "regexp_substr(diag, '.*')",
    "regexp_count(diag, 'e')",
    "make_timestamp(2024, 1, 1, 1, 1, n)",
    "from_utc_timestamp(ts, 'UTC')",
    "max(diag)",
    "(SELECT max(seq) FROM mine)",
]
PLACES = [
    "SELECT count(*) AS c FROM pd WHERE {0}", "SELECT count(*) AS c FROM pd WHERE NOT ({0})",
    "SELECT count(*) AS c FROM pd WHERE {0} AND n > 1", "SELECT count(*) AS c FROM pd WHERE n > 1 OR {0}",
    "SELECT count(*) AS c FROM pd JOIN mine ON {0}", "SELECT count(*) AS c FROM pd LEFT SEMI JOIN mine ON {0}",
    "WITH w AS (SELECT pid, count_if({0}) AS k FROM pd GROUP BY pid) SELECT count(k) AS c FROM w",
    "WITH w AS (SELECT pid, every({0}) AS k FROM pd GROUP BY pid) SELECT count(k) AS c FROM w",
    "WITH w AS (SELECT pid, count(*) FILTER (WHERE {0}) AS k FROM pd GROUP BY pid) SELECT count(k) AS c FROM w",
    "WITH w AS (SELECT pid, {0} AS k FROM pd) SELECT count(*) AS c FROM w WHERE k",
    "WITH w AS (SELECT pid, {0} AS k FROM pd) SELECT count(*) AS c FROM w JOIN mine ON k",
    "WITH w AS (SELECT pid, max(n) AS k FROM pd GROUP BY pid HAVING {0}) SELECT count(k) AS c FROM w",
]  # fmt: skip
OF_A_PERSON = [
    "CAST(max(x) AS TIMESTAMP)", "CAST(max(d) AS TIMESTAMP)", "CAST(CAST(min(b) AS TIMESTAMP) AS STRING)",
    "CAST(min(ts) AS STRING)", "CAST(max(day) AS STRING)", "CAST(max(day) AS TIMESTAMP)", "CAST(max(diag) AS INT)",
    "max(diag) IS TRUE", "sum(b)", "sum(d)", "avg(d)", "stddev(x)", "sum(x * x)", "CAST(sum(b) AS INT)",
    "CAST(max(n) AS TIMESTAMP)", "CAST(max(n) * 1 AS TIMESTAMP)", "from_utc_timestamp(max(ts), 'Asia/Tokyo')",
    "max(b) - 1", "CAST(avg(x) AS DECIMAL(10, 2))", "first(diag) IGNORE NULLS", "count(CAST(x AS TIMESTAMP))",
]  # fmt: skip
OF_A_WINDOW = [
    "lag(n, 'a')", "lag(n, 1.5)", "lag(extract(SECOND FROM ts), 1, n)", "lag(n, 1, NULL)",
    "lead(CAST(n AS TINYINT), 1, 2024)",
    "lag(n, 1, timestampdiff(MICROSECOND, TIMESTAMP '2024-01-01', ts))", "lag(n, 1, 0)",
    "lag(n, 99999999999999999999)", "lead(n, 2)", "nth_value(n, 2)",
    "nth_value(n, 99999999999999999999)", "first_value(n) IGNORE NULLS",
]  # fmt: skip
FRAMES = ["'a' PRECEDING", "99999999999999999999 PRECEDING", "1.5 PRECEDING", "UNBOUNDED PRECEDING", "2 PRECEDING"]
ATTEMPTS = {
    **{f"WHERE {value}": f"SELECT count(*) AS c FROM pd WHERE ({value}) IS NOT NULL" for value in OF_A_ROW},
    **{value: f"SELECT count({value}) AS c FROM pd" for value in OF_A_ROW},
    **{
        value: f"WITH w AS (SELECT pid, {value} AS k FROM pd GROUP BY pid) SELECT count(k) AS c FROM w"
        for value in OF_A_PERSON
    },
    **{
        value: f"WITH w AS (SELECT pid, {value} OVER (PARTITION BY pid ORDER BY n) AS k FROM pd) "
        "SELECT count(k) AS c FROM w"
        for value in OF_A_WINDOW
    },
    **{place.format(value): place.format(value) for value in NO_CONDITIONS for place in PLACES},
    **{
        start: "WITH w AS (SELECT pid, count(*) OVER (PARTITION BY pid ORDER BY n ROWS BETWEEN "
        f"{start} AND CURRENT ROW) AS k FROM pd WHERE diag <> 'true') SELECT count(k) AS c FROM w"
        for start in FRAMES
    },
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> list[PrivateTables]:
    """p0007 with values on which much fails, and with plain ones."""
    return [
        PrivateTables(tmp_path_factory.mktemp("tables"), COLUMNS, PEOPLE.format(bad=bad)) for bad in ("i = 7", "false")
    ]


@pytest.mark.parametrize("what", ATTEMPTS)
def test_no_value_of_one_person_ends_a_private_query(twins: list[PrivateTables], what: str) -> None:
    said = []
    for tables in twins:
        try:
            tables.answer(ATTEMPTS[what])
        except Refused as refused:
            said.append(str(refused))
    assert not said or (len(said) == 2 and len(set(said)) == 1)


BROKEN = "no number,x,y"


@pytest.mark.parametrize("age", [26, 27])
def test_a_file_of_ones_own_that_is_broken_fails_every_private_query_whatever_the_protected_rows_have_read_of_it(
    attacker: Attacker, tmp_path: Path, age: int
) -> None:
    rows = [(*row[:4], age if row[0] == "p0007" else row[4], *row[5:]) for row in ROWS]
    attacker.table("pd", PATIENTS, rows, OWNER, differentialPrivacy={"columns": [{"name": "pid"}]})
    attacker.table(
        "mine", {"seq": "int", "x": "string", "id": "string"}, [(n, "x", "y") for n in range(60_000)], QUERIER
    )
    with (tmp_path / "mine.csv").open("a") as file:
        file.write(f"{BROKEN}\n")
    found = attacker.attempt(
        "SELECT COUNT(mine.x) AS c FROM mine JOIN pd ON mine.seq = pd.age - 20 WHERE pd.pid = 'p0007' AND pd.age = 27"
    )
    assert found.failure is QueryFailure.INVALID
    assert not found.text
