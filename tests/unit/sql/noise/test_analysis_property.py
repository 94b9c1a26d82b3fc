"""What the guard lets through, on random queries and hostile values: a user's absence takes that user's rows, and no
value makes a query fail.

The queries are drawn from a seed, so a failure is found again by its text.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from support.rules import CUSTOM, QUERIER, direct, table
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.engines.duckdb import optimizers
from whiteroom.engines.duckdb.noise.execute import rehearse
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.writing import WrittenQuery, judge_and_write
from whiteroom.sql.refusals import Refused

PRIVATE = {**CUSTOM, "differentialPrivacy": {"columns": [{"name": "user_id"}]}}
POLICY = PrivacyPolicy("budget", 30)
SPARK = {"user_id": "string", "t": "string", "n": "int", "big": "bigint", "x": "double", "d": "date"}
DUCK = "user_id TEXT, t TEXT, n INT, big BIGINT, x DOUBLE, d DATE"
VISITS = replace(table("visits", SPARK, "CUSTOM", PRIVATE), privacy=POLICY)
USERS = replace(table("users", SPARK, "CUSTOM", PRIVATE), privacy=POLICY)
MINE = table("mine", SPARK, "CUSTOM", CUSTOM, QUERIER)
TABLES = (VISITS, USERS, MINE)
VICTIM = "u0"

TEXTS = ["a", "b", "7", "", "(", "2026-01-01", "-0", "1e400", "\\", "%", None]
WHOLES = [0, 1, 2, -1, 7, 2**31 - 1, -(2**31), None]
BIGS = [0, 3, -3, 2**63 - 1, -(2**63), None]
REALS = [0.0, 1.5, -2.0, 1e308, -1e308, float("inf"), float("-inf"), float("nan"), 5e-324, None]
DAYS = ["2026-01-01", "1970-01-01", "9999-12-31", "0001-01-01", None]


def rows_of(seed: int, users: Iterable[str | None]) -> list[tuple[Any, ...]]:
    draw = random.Random(seed)
    return [
        (user, draw.choice(TEXTS), draw.choice(WHOLES), draw.choice(BIGS), draw.choice(REALS), draw.choice(DAYS))
        for user in users
        for _ in range(draw.randrange(2))
    ]


@pytest.fixture(scope="module")
def data() -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]]:
    """The tables, and the same without the victim."""
    everyone = [f"u{n}" for n in range(12)] + [None]
    found = {name: rows_of(seed, everyone * 2) for seed, name in enumerate(("visits", "users", "mine"))}
    made = []
    for absent in (None, VICTIM):
        connection = duckdb.connect()
        connection.execute(optimizers.without(optimizers.PRIVATE))
        for name, rows in found.items():
            connection.execute(f"CREATE TABLE {name} ({DUCK})")
            kept = [row for row in rows if name == "mine" or absent is None or row[0] != absent]
            connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?)", kept)
        made.append(connection)
    yield made[0], made[1]
    for connection in made:
        connection.close()


def judged(sql: str) -> WrittenQuery | None:
    """None where the guard says no."""
    try:
        return judge_and_write(direct(sql, TABLES, epsilon_left="20"))
    except Refused:
        return None


def rows(connection: duckdb.DuckDBPyConnection, guarded: WrittenQuery) -> Counter[Any]:
    """The rows of users that a query aggregates, by user and value."""
    assert guarded.noisy is not None
    with connection.cursor() as cursor:
        for view, read in guarded.judged.views.items():
            cursor.execute(f'CREATE OR REPLACE TEMP VIEW "{view}" AS SELECT * FROM {read.name}')
        try:
            rehearse(guarded.judged.views, guarded.noisy)
        except duckdb.Error:
            return Counter()
        # A native function goes with the connection that it was made on, though others of the database know its name.
        prepare(connection, guarded.noisy.rows, private=True)
        prepare(cursor, guarded.noisy.rows, private=True)
        found = cursor.execute(guarded.noisy.rows).fetchall()
    return Counter(tuple(map(repr, row)) for row in found if row[0] is not None)


class Drawn:
    """Draws queries: what is right of them more often than what is not."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._names = 0

    def query(self) -> str:
        source = self._relation(self._draw.randrange(2))
        group = self._draw.choice(["", "", " GROUP BY q.t", " GROUP BY q.n, q.t"])
        where = self._draw.choice(["", "", " WHERE q.n > 0", " WHERE q.t IN (SELECT t FROM mine)"])
        return f"SELECT COUNT(*) AS c, SUM(q.x) AS s, COUNT(DISTINCT q.user_id) AS u FROM ({source}) AS q{where}{group}"

    def _relation(self, depth: int) -> str:
        """A SELECT of user_id, other_id, t, n, x."""
        if not depth:
            name = self._draw.choice(["visits", "visits", "users", "users", "mine"])
            return f"SELECT user_id, user_id AS other_id, t, n, x FROM {name}"
        made = self._draw.choice(
            [self._filter, self._group, self._window, self._window, self._join, self._join, self._union, self._distinct]
        )
        return made(depth - 1)

    def _filter(self, depth: int) -> str:
        what = self._draw.choice(["n > 0", "t = 'a'", "x / n > 1", "user_id = 'u0'", "user_id IS NULL"])
        return f"SELECT * FROM ({self._relation(depth)}) AS {self._name()} WHERE {what}"

    def _group(self, depth: int) -> str:
        keys = self._draw.choice(["user_id, other_id", "user_id", "other_id, t", "t", "user_id, other_id, t"])
        shown = [key if key in keys.split(", ") else f"MAX({key}) AS {key}" for key in ("user_id", "other_id", "t")]
        sums = self._draw.choice(["SUM", "AVG", "STDDEV"])
        return (
            f"SELECT {', '.join(shown)}, ANY_VALUE(n) AS n, {sums}(x) AS x "
            f"FROM ({self._relation(depth)}) AS {self._name()} GROUP BY {keys}"
        )

    def _window(self, depth: int) -> str:
        by = self._draw.choice(["user_id", "other_id", "user_id, other_id", "t", "COALESCE(user_id, other_id)"])
        over = self._draw.choice(["", " ORDER BY n, t, x", " ORDER BY t"])
        ranks = ["RANK()", "COUNT(*)", "DENSE_RANK()", "ROW_NUMBER()", "LAG(n)", "FIRST_VALUE(n)"]
        function = self._draw.choice(ranks if over else ["COUNT(*)", "ROW_NUMBER()"])
        window = f"{function} OVER (PARTITION BY {by}{over})"
        return f"SELECT user_id, other_id, t, {window} AS n, x FROM ({self._relation(depth)}) AS {self._name()}"

    def _join(self, depth: int) -> str:
        kind = self._draw.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN"])
        a, b = self._name(), self._name()
        on = self._draw.choice(
            [
                f"{a}.user_id = {b}.user_id",
                f"{a}.user_id = {b}.user_id",
                f"{a}.other_id = {b}.user_id AND {a}.n = {b}.n",
                f"{a}.user_id = {b}.other_id AND {a}.t < {b}.t",
                f"{a}.t = {b}.t",
            ]
        )
        right = a if "SEMI" in kind or "ANTI" in kind else b
        first, second = self._draw.choice([(a, right), (right, a), (a, a)])
        return (
            f"SELECT {first}.user_id AS user_id, {second}.user_id AS other_id, {a}.t AS t, {right}.n AS n, {a}.x AS x "
            f"FROM ({self._relation(depth)}) AS {a} {kind} ({self._relation(depth)}) AS {b} ON {on}"
        )

    def _union(self, depth: int) -> str:
        operation = self._draw.choice(["UNION ALL", "UNION", "INTERSECT", "EXCEPT"])
        return f"{self._relation(depth)} {operation} {self._relation(depth)}"

    def _distinct(self, depth: int) -> str:
        return f"SELECT DISTINCT user_id, other_id, t, n, x FROM ({self._relation(depth)}) AS {self._name()}"

    def _name(self) -> str:
        self._names += 1
        return f"r{self._names}"


@pytest.mark.parametrize("seed", range(2))
def test_taking_a_user_away_takes_that_users_rows_and_changes_no_others(
    data: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection], seed: int
) -> None:
    drawn, passed = Drawn(seed), 0
    for _ in range(150):
        sql = drawn.query()
        guarded = judged(sql)
        if guarded is None or guarded.noisy is None:
            continue
        passed += 1
        everyone, others = (rows(connection, guarded) for connection in data)
        kept = Counter({row: count for row, count in everyone.items() if row[0] != repr(VICTIM)})
        assert others == kept, sql
    assert passed > 20


VALUES = ["t", "n", "big", "x", "d", "'a'", "7", "0", "-1.5", "NULL", "DATE '2026-01-01'"]
OPERATORS = ["+", "-", "*", "/", "%", "DIV", "=", "<", "<=>", "||", "&", "|", "^", "<<", "LIKE", "RLIKE"]
FUNCTIONS = [
    "ABS",
    "CEIL",
    "FLOOR",
    "ROUND",
    "SQRT",
    "EXP",
    "LN",
    "LOG10",
    "LOG2",
    "SIGN",
    "SIN",
    "COS",
    "TAN",
    "ASIN",
    "ACOS",
    "ATAN",
    "DEGREES",
    "RADIANS",
    "UPPER",
    "LOWER",
    "LENGTH",
    "TRIM",
    "REVERSE",
    "INITCAP",
    "ASCII",
    "CHR",
    "MD5",
    "SHA",
    "HEX",
    "YEAR",
    "MONTH",
    "DAY",
    "DAYOFWEEK",
    "DAYOFYEAR",
    "WEEKOFYEAR",
    "QUARTER",
    "HOUR",
    "MINUTE",
    "SECOND",
    "LAST_DAY",
    "TO_DATE",
    "TO_TIMESTAMP",
    "UNIX_TIMESTAMP",
    "FROM_UNIXTIME",
    "ISNULL",
    "ISNAN",
    "NEGATIVE",
    "BIT_COUNT",
]
OF_TWO = [
    "POW",
    "ATAN2",
    "CONCAT",
    "GREATEST",
    "LEAST",
    "COALESCE",
    "NULLIF",
    "NVL",
    "LEFT",
    "RIGHT",
    "INSTR",
    "LOCATE",
    "DATE_ADD",
    "DATE_SUB",
    "ADD_MONTHS",
    "DATEDIFF",
    "PMOD",
    "CONTAINS",
    "STARTSWITH",
    "ENDSWITH",
    "LEVENSHTEIN",
    "DATE_FORMAT",
    "TRY_DIVIDE",
    "ROUND",
    "LOG",
    "REGEXP_LIKE",
]
OF_THREE = ["SUBSTRING", "REPLACE", "TRANSLATE", "SPLIT_PART", "REGEXP_EXTRACT", "MAKE_DATE", "IF", "NVL2", "CONCAT_WS"]
TYPES = [
    "INT",
    "BIGINT",
    "TINYINT",
    "DOUBLE",
    "STRING",
    "DATE",
    "TIMESTAMP",
    "BOOLEAN",
    "DECIMAL(5,2)",
    "DECIMAL(38,30)",
]


def an_expression(draw: random.Random, depth: int) -> str:
    if not depth:
        return draw.choice(VALUES)

    def part() -> str:
        return an_expression(draw, draw.randrange(depth))

    makers: list[Callable[[], str]] = [
        lambda: f"({part()} {draw.choice(OPERATORS)} {part()})",
        lambda: f"{draw.choice(FUNCTIONS)}({part()})",
        lambda: f"{draw.choice(OF_TWO)}({part()}, {part()})",
        lambda: f"{draw.choice(OF_THREE)}({part()}, {part()}, {part()})",
        lambda: f"CAST({part()} AS {draw.choice(TYPES)})",
        lambda: f"CASE WHEN {part()} = {part()} THEN {part()} ELSE {part()} END",
        lambda: f"({part()} BETWEEN {part()} AND {part()})",
        lambda: f"({part()} IN ({part()}, {part()}))",
    ]
    return draw.choice(makers)()


@pytest.mark.parametrize("seed", range(2))
def test_no_value_makes_a_query_fail_that_could_be_bound(
    data: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection], seed: int
) -> None:
    draw, passed = random.Random(seed), 0
    for _ in range(150):
        value, other = an_expression(draw, 3), an_expression(draw, 2)
        where, inner = f"{other} = {an_expression(draw, 1)}", an_expression(draw, 2)
        aggregate = draw.choice(["MAX", "SUM", "AVG", "COUNT", "STDDEV", "MEDIAN", "ANY_VALUE", "VAR_POP"])
        sql = draw.choice(
            [
                f"SELECT SUM({value}) AS s FROM visits WHERE {where}",
                f"SELECT {value} AS k, COUNT(*) AS c FROM visits GROUP BY {value}",
                (
                    f"WITH q AS (SELECT user_id, {value} AS v FROM visits), w AS (SELECT user_id, {aggregate}(v) AS a "
                    "FROM q GROUP BY user_id HAVING COUNT(*) > 0) SELECT COUNT(DISTINCT a) AS c FROM w"
                ),
                (
                    f"WITH q AS (SELECT user_id, {value} AS v, {inner} AS y FROM visits) "
                    "SELECT COUNT(*) AS c FROM q WHERE v = y"
                ),
                (
                    f"WITH q AS (SELECT user_id, {value} AS v, {inner} AS y FROM visits), "
                    "w AS (SELECT user_id, MAX(v) AS a, MIN(y) AS b FROM q GROUP BY user_id HAVING MAX(v) > MIN(y)) "
                    "SELECT COUNT(*) AS c FROM w"
                ),
                "SELECT COUNT(*) AS c FROM visits a JOIN users b ON a.user_id = b.user_id AND a.n = b.t AND a.t = b.t",
            ]
        )
        guarded = judged(sql)
        if guarded is None or guarded.noisy is None:
            continue
        passed += 1
        try:
            rows(data[0], guarded)
        except duckdb.Error as error:
            pytest.fail(f"{sql}\n{guarded.noisy.rows}\n{error}")
    assert passed > 40
