"""What a judged query comes to when it runs."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from unit.sql.test_judging import spec
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused


def evaluate(expression: str, **changes: Any) -> Any:
    """The value of a Spark expression, through the guard and DuckDB."""
    guarded = judge_and_write(spec(f"SELECT {expression} AS v FROM people", **changes))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("""CREATE TABLE "wr$0" AS SELECT 1 AS id, 'x' AS name, DATE '2020-01-01' AS born""")
        prepare(connection, guarded.sql)
        row = connection.execute(guarded.sql).fetchone()
    assert row is not None
    return row[0]


SPARK = [
    # From the examples of Spark's reference of built-in functions, and its pages on NULL and on casts.
    ("7 / 2", 3.5),
    ("7 div 2", 3),
    ("-7 div 2", -3),
    ("7 / 0", None),
    ("7 % 0", None),
    ("7 div 0", None),
    ("-7 % 3", -1),
    ("pmod(-10, 3)", 2),
    ("ceil(-0.1D)", 0),
    ("floor(-0.1D)", -1),
    ("round(2.5D)", 3.0),
    ("sign(-40)", -1.0),
    ("CAST(1.9D AS INT)", 1),
    ("CAST(-1.9D AS INT)", -1),
    ("CAST(CAST(1.9 AS DECIMAL(3,1)) AS BIGINT)", 1),
    ("CAST('abc' AS INT)", None),
    ("CAST('10' AS INT)", 10),
    ("CAST(1 AS STRING)", "1"),
    ("log(10, 100)", 2.0),
    ("greatest(10, 9, 2)", 10),
    ("least(10, null, 2)", 2),
    ("nvl2(null, 2, 1)", 1),
    ("isnull(1)", False),
    ("isnotnull(1)", True),
    ("null <=> null", True),
    ("coalesce(null, 1)", 1),
    ("concat('Spark', 'SQL')", "SparkSQL"),
    ("concat('a', null)", None),
    ("concat_ws(' ', 'Spark', null, 'SQL')", "Spark SQL"),
    ("substring('Spark SQL', 5)", "k SQL"),
    ("substring('Spark SQL', -3)", "SQL"),
    ("substring('Spark SQL', 5, 1)", "k"),
    ("length('Spark SQL ')", 10),
    ("instr('SparkSQL', 'SQL')", 6),
    ("locate('bar', 'foobarbar')", 4),
    ("lpad('hi', 5, '??')", "???hi"),
    ("rpad('hi', 1, '??')", "h"),
    ("initcap('sPark sql')", "Spark Sql"),
    ("split_part('11.12.13', '.', 3)", "13"),
    (r"regexp_replace('100-200', '(\\d+)', 'num')", "num-num"),
    (r"regexp_extract('100-200', '(\\d+)-(\\d+)', 1)", "100"),
    ("'Spark' LIKE '%park'", True),
    (r"'a_b' LIKE 'a\\_b'", True),
    (r"'axb' LIKE 'a\\_b'", False),
    ("translate('AaBbCc', 'abc', '123')", "A1B2C3"),
    ("sha2('Spark', 256)", "529bc3b07127ecb7e53a4dcf1991d9152c24537d919178022b2c42657f79a26b"),
    ("md5('Spark')", "8cde774d6f7333752ed72cacddb05126"),
    ("levenshtein('kitten', 'sitting')", 3),
    ("date_add('2016-07-30', 1)", dt.date(2016, 7, 31)),
    ("date_sub('2016-07-30', 1)", dt.date(2016, 7, 29)),
    ("datediff('2009-07-31', '2009-07-30')", 1),
    ("add_months('2016-08-31', 1)", dt.date(2016, 9, 30)),
    ("last_day('2009-01-12')", dt.date(2009, 1, 31)),
    ("DATE '2020-01-31' + INTERVAL 1 MONTH", dt.date(2020, 2, 29)),
    ("year('2016-07-30')", 2016),
    ("dayofweek('2009-07-30')", 5),
    ("dayofyear('2016-04-09')", 100),
    ("weekofyear('2008-02-20')", 8),
    ("quarter('2016-08-31')", 3),
    ("hour('2009-07-30 12:58:59')", 12),
    ("second('2009-07-30 12:58:59')", 59),
    ("extract(YEAR FROM DATE '2016-07-30')", 2016),
    ("date_trunc('MONTH', '2015-03-05T09:32:05.359')", dt.datetime(2015, 3, 1)),  # noqa: DTZ001 -- DuckDB's own
    ("to_date('2016-12-31', 'yyyy-MM-dd')", dt.date(2016, 12, 31)),
    ("to_date('rubbish')", None),
    ("to_timestamp('rubbish', 'yyyy-MM-dd')", None),
    ("date_format(DATE '2016-04-08', 'yyyy')", "2016"),
    ("unix_timestamp('2016-04-08', 'yyyy-MM-dd')", 1460073600),
    ("from_unixtime(0, 'yyyy-MM-dd HH:mm:ss')", "1970-01-01 00:00:00"),
    ("TIMESTAMP '2016-01-01 00:00:00'", dt.datetime(2016, 1, 1)),  # noqa: DTZ001 -- DuckDB's own
    ("make_date(2013, 7, 15)", dt.date(2013, 7, 15)),
    ("percentile(id, 0.5)", 1.0),
    ("count_if(id > 0)", 1),
    ("mean(id)", 1.0),
    ("every(id > 0)", True),
    ("any_value(CAST(null AS INT))", None),
]


@pytest.mark.parametrize(("expression", "value"), SPARK)
def test_an_expression_has_the_value_that_spark_documents(expression: str, value: Any) -> None:
    found = evaluate(expression)
    assert found == pytest.approx(value) if isinstance(value, float) else found == value
    if isinstance(value, int):
        assert not isinstance(found, float)


PARAMETERS = [
    ("SMALLINT", "12", 12),
    ("INTEGER", "-12", -12),
    ("BIGINT", "9223372036854775807", 2**63 - 1),
    ("DECIMAL", "12.50", Decimal("12.50")),
    ("DOUBLE", "1e3", 1000.0),
    ("BOOLEAN", "TRUE", True),
    ("VARCHAR", "it's; DROP TABLE people --", "it's; DROP TABLE people --"),
    ("STRING", "\\n ' \" ` :x", "\\n ' \" ` :x"),
    ("DATE", "2020-02-29", dt.date(2020, 2, 29)),
    ("TIMESTAMP", "2020-02-29T01:02:03+01:00", dt.datetime(2020, 2, 29, 0, 2, 3)),  # noqa: DTZ001 -- DuckDB's own
    ("BINARY", "00ff", b"\x00\xff"),
]


@pytest.mark.parametrize(("declared", "text", "value"), PARAMETERS)
def test_a_parameter_is_one_literal_of_its_type(declared: str, text: str, value: Any) -> None:
    assert evaluate(":p", parameters={"p": text}, parameter_types={"p": declared}) == value


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("TINYINT", "128"),
        ("INTEGER", "1 OR 1=1"),
        ("INTEGER", "٣"),
        ("DECIMAL", "1" * 39),
        ("DOUBLE", "nan"),
        ("BOOLEAN", "yes"),
        ("DATE", "2020-02-30"),
        ("TIMESTAMP", "yesterday"),
        ("BINARY", "0g"),
        ("TIME", "10:00"),
        ("STRING", "a\0b"),
    ],
)
def test_a_parameter_that_does_not_fit_its_type_is_refused_without_its_value(declared: str, text: str) -> None:
    with pytest.raises(Refused, match=":p") as refused:
        evaluate(":p", parameters={"p": text}, parameter_types={"p": declared})
    assert text not in str(refused.value)


def test_a_value_for_no_parameter_of_the_template_is_refused() -> None:
    with pytest.raises(Refused, match="no parameter named other"):
        evaluate("id", parameters={"other": "1"}, parameter_types={})


SMUGGLED = [
    """SELECT extract(`YEAR FROM born) AS a FROM read_csv('/data/people.csv') --` FROM born) AS a FROM people""",
    "SELECT date_add(`DAY AS a FROM duckdb_views() --`, 1, at) AS a FROM `store-visits 2024`",
    "SELECT timestampadd('DAY), (SELECT 1', 1, at) AS a FROM `store-visits 2024`",
    "SELECT timestampdiff(`DAY'), (SELECT 1`, at, at) AS a FROM `store-visits 2024`",
    "SELECT last_day(born, `MONTH) FROM duckdb_settings() --`) AS a FROM people",
    "SELECT CAST(id AS DECIMAL(`10,2)) FROM duckdb_settings() --`)) AS a FROM people",
    "SELECT date_trunc('DAY'') FROM duckdb_settings() --', at) AS a FROM `store-visits 2024`",
    "SELECT trim(`BOTH x` FROM name) AS a FROM people",
]


@pytest.mark.parametrize("sql", SMUGGLED)
def test_no_unit_or_type_carries_sql_of_its_own_into_what_duckdb_runs(sql: str) -> None:
    try:
        text = judge_and_write(spec(sql)).sql
    except Refused:
        return
    # What passes stands there as one quoted text.
    assert not {"duckdb_settings", "duckdb_views", "read_csv"} & {
        word.lower() for word in re.findall(r"\w+", re.sub(r"'(?:[^']|'')*'", "", text))
    }


def test_every_name_in_quotes_stays_one_name() -> None:
    guarded = judge_and_write(spec('WITH `a"b` AS (SELECT id AS `x"; y` FROM people) SELECT * FROM `a"b` AS `c" d`'))
    assert guarded.judged.output_columns == ('x"; y',)
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE "wr$0" AS SELECT 1 AS id')
        assert connection.execute(guarded.sql).fetchall() == [(1,)]


@pytest.mark.parametrize("sql", ["SELECT X'61' AS a FROM people", "SELECT concat(name, r'[0-9]') AS a FROM people"])
def test_a_literal_of_digits_or_of_what_stands_there_is_no_name_of_a_unit(sql: str) -> None:
    assert judge_and_write(spec(sql)).judged.output_columns == ("a",)


@pytest.mark.parametrize("text", ["6' || (SELECT 1) || '", "zz", "6') FROM duckdb_settings() --"])
def test_nor_does_it_carry_sql(text: str) -> None:
    with pytest.raises(Refused):
        judge_and_write(spec(f'SELECT X"{text}" AS a FROM people'))
    assert text.replace("'", "''") in judge_and_write(spec(f'SELECT r"{text}" AS a FROM people')).sql
