"""What the guard lets through, and what it refuses by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pytest

from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import QuerySpec, ResultFormat
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.judging import MAX_SQL_CHARS
from whiteroom.sql.refusals import Refused

OWNER, QUERIER = "111111111111", "222222222222"
ALGORITHM = f"arn:aws:cleanrooms-ml:us-east-1:{QUERIER}:membership/m/configured-model-algorithm-association/a"


def table(name: str, columns: dict[str, str], **changes: Any) -> QueryTable:
    source = CatalogTable((f"/data/{name}.parquet",), FileFormat.PARQUET, tuple(Column(*c) for c in columns.items()))
    rule = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [QUERIER], "additionalAnalyses": "ALLOWED"}
    association_rule = {"allowedAdditionalAnalyses": [ALGORITHM]}
    return replace(QueryTable(name, OWNER, source, tuple(columns), "CUSTOM", rule, association_rule), **changes)


PEOPLE = table(
    "people",
    {"id": "bigint", "name": "string", "ssn": "string", "born": "date"},
    allowed_columns=("id", "name", "born"),
)
VISITS = table("store-visits 2024", {"person": "bigint", "amount": "double", "at": "timestamp"})


def spec(sql: str, **changes: Any) -> QuerySpec:
    return replace(
        QuerySpec(
            id="q",
            sql=sql,
            parameters={},
            parameter_types={},
            template_arn=None,
            querier_account_id=QUERIER,
            algorithm_association_arn=ALGORITHM,
            tables=(PEOPLE, VISITS),
            result_format=ResultFormat.CSV,
            target=DataRef(DataKind.RESULT, "q"),
            csv_header=True,
            max_file_bytes=1,
            memory_bytes=1,
            cpus=1,
            timeout_seconds=1,
        ),
        **changes,
    )


ALLOWED = [
    "SELECT * FROM people",
    "SELECT id FROM people;",
    "SELECT /*+ BROADCAST(people) */ id FROM people -- the ids\n",
    "WITH p AS (SELECT id FROM people) SELECT p.id FROM p",
    "SELECT id FROM people UNION SELECT person FROM `store-visits 2024`",
    "(SELECT id FROM people) INTERSECT (SELECT person FROM `store-visits 2024`)",
    "SELECT id FROM people WHERE EXISTS (SELECT 1 FROM `store-visits 2024` v WHERE v.person = people.id)",
    "SELECT id, (SELECT max(amount) FROM `store-visits 2024` v WHERE v.person = p.id) AS m FROM people p",
    "SELECT p.* FROM people p LEFT SEMI JOIN `store-visits 2024` v ON p.id = v.person",
    "SELECT name, count(*) AS n FROM people GROUP BY name HAVING count(*) > 1 ORDER BY n DESC LIMIT 5",
    "SELECT id, sum(id) OVER (PARTITION BY name ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM people",
    "SELECT CASE WHEN id > 1 THEN 'a' ELSE 'b' END AS c, year(born) AS y FROM people",
    "SELECT name, count(*) AS n FROM people GROUP BY ROLLUP (name)",
    "SELECT date_format(at, 'yyyy-MM') AS m FROM `store-visits 2024`",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_a_select_over_associated_tables_passes_and_duckdb_takes_it(sql: str) -> None:
    guarded = judge_and_write(spec(sql))
    with duckdb.connect() as connection:
        for view, source in guarded.judged.views.items():
            types = {
                "bigint": "BIGINT",
                "string": "VARCHAR",
                "date": "DATE",
                "double": "DOUBLE",
                "timestamp": "TIMESTAMP",
            }
            columns = [f'"{c.name}" {types[c.type]}' for c in source.source.columns if c.name in source.allowed_columns]
            connection.execute(f'CREATE TABLE "{view}" ({", ".join(columns)}, "wr$row" BIGINT)')
        prepare(connection, guarded.sql)
        assert len(connection.execute(guarded.sql).description) == len(guarded.judged.output_columns)


REFUSED = [
    ("", "0 statements"),
    ("SELECT id FROM people; SELECT id FROM people", "2 statements"),
    ("DROP TABLE people", "not DROP"),
    ("INSERT INTO people SELECT * FROM people", "not INSERT"),
    ("CREATE TABLE x AS SELECT * FROM people", "not CREATE"),
    ("COPY people TO '/tmp/x'", "not"),
    ("ATTACH '/tmp/x.db'", ""),
    ("PRAGMA database_list", "not"),
    ("SET threads = 1", "not SET"),
    ("DESCRIBE people", "not"),
    ("SELECT id FROM", "cannot be read"),
    ("SELECT 'x", "cannot be read"),
    ("SELECT 1 AS a", "reads no table"),
    ("SELECT * FROM nowhere", "no table 'nowhere'"),
    ("SELECT * FROM `/etc/passwd`", "no table '/etc/passwd'"),
    ("SELECT * FROM csv.`/etc/passwd`", "Name the table '/etc/passwd' alone"),
    ("SELECT * FROM information_schema.tables", "without a database before them"),
    ("SELECT * FROM `wr$0`", "reserved"),
    ("SELECT p.`wr$row` FROM people p", "reserved"),
    ("WITH `WR$0` AS (SELECT 1 AS id) SELECT id FROM people", "reserved"),
    ("SELECT * FROM read_csv('/etc/passwd')", "not"),
    ("SELECT * FROM read_parquet('s3://b/k')", "not"),
    ("SELECT * FROM range(10)", "not"),
    ("SELECT p.* EXCEPT (born) FROM people p", "EXCEPT is not allowed"),
    ("SELECT id FROM people QUALIFY row_number() OVER (ORDER BY id) = 1", "QUALIFY is not allowed"),
    ("SELECT id BETWEEN SYMMETRIC 2 AND 1 AS b FROM people", "SYMMETRIC is not allowed"),
    ("SELECT count(DISTINCT id) OVER (PARTITION BY name) AS n FROM people", "DISTINCT in a window"),
    ("SELECT min(id) FILTER (WHERE id > 1) OVER (PARTITION BY name) AS n FROM people", "FILTER of a window"),
    ("SELECT * FROM people, LATERAL (SELECT 1)", "not allowed"),
    ("SELECT id FROM people WHERE explode(array(id)) = 1", "stands in LATERAL VIEW, or as an output column"),
    ("SELECT id FROM people ORDER BY explode(array(id))", "stands in LATERAL VIEW, or as an output column"),
    ("SELECT p.id FROM people p JOIN people q ON explode(array(p.id)) = 1", "stands in LATERAL VIEW, or as an output"),
    ("SELECT id FROM people, LATERAL explode(array(id)) AS v", "not allowed"),
    ("SELECT explode(array(id)) + 1 AS x FROM people", "stands in LATERAL VIEW, or as an output column"),
    ("SELECT count(*) AS n, explode(array(1)) AS x FROM people", "without GROUP BY, aggregates"),
    ("SELECT explode(array(1)) AS x, max(id) OVER () AS m FROM people", "without GROUP BY, aggregates"),
    ("SELECT x FROM people LATERAL VIEW explode(array((SELECT max(id) FROM people))) v AS x", "no aggregate"),
    ("SELECT x FROM people LATERAL VIEW explode(array(id)) v AS x, y", "gives 1 columns"),
    ("SELECT x FROM people LATERAL VIEW posexplode(array(id)) v AS x, x", "gives 2 columns"),
    ("SELECT explode(map(name, id)) AS x FROM people", "gives 2 columns"),
    ("SELECT x FROM people LATERAL VIEW explode(array(id)) people AS x", "Two sources are named 'people'"),
    ("SELECT x FROM people LATERAL VIEW explode(id) v AS x", "takes an array or a map"),
    ("SELECT x FROM people LATERAL VIEW inline(array(id)) v AS x", "takes an array of structs"),
    ("SELECT x FROM people LATERAL VIEW explode(array(1)) v AS x JOIN people q ON true", "a join stands before"),
    ("SELECT x FROM people LATERAL VIEW explode(array(1)) v AS x LEFT JOIN people q ON true", "a join stands before"),
    ("SELECT x FROM people LATERAL VIEW json_tuple(name, 'a') v AS x", "not allowed"),
    ("SELECT stack(0, id) AS x FROM people", "the number of its rows as it stands"),
    ("SELECT stack(id, id) AS x FROM people", "the number of its rows as it stands"),
    ("SELECT id.a AS x FROM people", "a field of a value that is no struct"),
    ("SELECT people.id.a AS x FROM people", "a field of a value that is no struct"),
    ("SELECT some.people.id AS x FROM people", "Name a column by its table and its name alone"),
    ("SELECT named_struct('a', id).b AS x FROM people", "There is no field 'b' in the struct"),
    ("SELECT named_struct('a', id, 'A', 1) AS x FROM people", "Two fields of a struct have one name"),
    ("SELECT named_struct(name, id) AS x FROM people", "as texts in quotes"),
    ("SELECT s.* FROM (SELECT named_struct('a', id) AS s FROM people) t", "takes no struct apart"),
    ("SELECT DISTINCT struct(sqrt(id) AS a) AS x FROM people", "Name the fields in GROUP BY"),
    ("SELECT count(*) AS n FROM people GROUP BY struct(sqrt(id) AS a)", "Name the fields in GROUP BY"),
    ("SELECT id FROM people ORDER BY struct(id, name)", "put in no order here"),
    ("SELECT max(struct(id, name)).id AS x FROM people", "put in no order here"),
    ("SELECT id FROM people WHERE struct(id) < struct(name)", ""),
    ("SELECT struct(*) AS x FROM people", "struct(*) is not allowed"),
    ("SELECT array(named_struct('a', id), named_struct('b', id)) AS x FROM people", "of several types"),
    (
        "SELECT named_struct('a', id) AS s FROM people UNION ALL SELECT named_struct('b', id) AS s FROM people",
        "does not put into one column",
    ),
    ("SELECT * FROM people TABLESAMPLE (10 PERCENT)", "not allowed"),
    ("SELECT * FROM people PIVOT (count(*) FOR name IN ('a'))", "not allowed"),
    ("SELECT * FROM VALUES (1) AS t(a)", "reads no table"),
    ("SELECT id FROM people NATURAL JOIN `store-visits 2024`", "There is none"),
    ("WITH RECURSIVE r AS (SELECT id FROM people) SELECT id FROM r", "not allowed"),
    ("SELECT id FROM people CLUSTER BY id", "not allowed"),
    ("SELECT id FROM people SORT BY id ORDER BY id", "not allowed"),
    ("SELECT rand() AS r FROM people", "The function RAND"),
    ("SELECT uuid() AS r FROM people", "The function UUID"),
    ("SELECT current_user() AS r FROM people", "The function CURRENT_USER"),
    ("SELECT current_timestamp() AS r FROM people", "The function CURRENT_TIMESTAMP"),
    ("SELECT now() AS r FROM people", "The function NOW"),
    ("SELECT version() AS r FROM people", "The function VERSION"),
    ("SELECT getenv('HOME') AS r FROM people", "The function GETENV"),
    ("SELECT read_text('/etc/passwd') AS r FROM people", "The function READ_TEXT"),
    ("SELECT reflect('java.lang.Runtime', 'x') AS r FROM people", "The function REFLECT"),
    ("SELECT java_method('a', 'b') AS r FROM people", "The function JAVA_METHOD"),
    ("SELECT nosuch(id) AS r FROM people", "The function NOSUCH"),
    ("SELECT CAST(id AS MAP<INT, INT>) AS m FROM people", "does not cast bigint to map"),
    ("SELECT transform(array(id), x -> (SELECT max(id) FROM people)) AS r FROM people", "no sub-query"),
    ("SELECT transform(array(id), x -> sum(x)) AS r FROM people", "no aggregate"),
    ("SELECT transform(array(id), (x, x) -> x) AS r FROM people", "once"),
    ("SELECT upper(x -> x) AS r FROM people", "LAMBDA is not allowed"),
    ("SELECT array_size(x -> x) AS r FROM people", "no lambda"),
    ("SELECT filter(array(id), x -> x) AS r FROM people", "a condition"),
    ("SELECT shuffle(array(id)) AS r FROM people", "SHUFFLE"),
    ("SELECT regexp_replace(name, '(a)', '$2') AS r FROM people", "names a group"),
    ("SELECT regexp_replace(name, name, 'a') AS r FROM people", "pattern as a text in quotes"),
    ("SELECT name RLIKE '(?=a)' AS r FROM people", "look-ahead"),
    (r"SELECT name RLIKE '(a)\\1' AS r FROM people", "references to groups"),
    ("SELECT date_format(born, 'YYYY') AS r FROM people", "week-based letter Y"),
    ("SELECT strpos(name, 'a') AS r FROM people", "strpos"),
    ("SELECT nosuch FROM people", "nosuch"),
    ("SELECT ssn FROM people", "ssn"),
    ("SELECT p.ssn FROM people p", "ssn"),
    ("SELECT id FROM people WHERE ssn = 's1'", "ssn"),
    ("SELECT id FROM people ORDER BY ssn", "ssn"),
    ("SELECT p.id FROM people AS p (name, id, born)", "renamed in FROM"),
    ("WITH c AS (SELECT id, name FROM people) SELECT d.id FROM c AS d (name, id)", "renamed in FROM"),
    ("SELECT id, name FROM people UNION SELECT person FROM `store-visits 2024`", "2 and 1 columns"),
    ("SELECT mean(id, id) AS m FROM people", "takes one argument"),
    ("SELECT isnull() AS m FROM people", "takes 1 argument"),
    ("SELECT pmod(id) AS m FROM people", "takes 2 arguments"),
    ("SELECT id, ID FROM people", "Two output columns"),
    ("SELECT p.id, v.person AS Id FROM people p JOIN `store-visits 2024` v ON p.id = v.person", "Two output columns"),
    ("SELECT id FROM people WHERE id = :x", ":x"),
    ("SELECT id FROM people WHERE id = ?", "placeholder"),
    ("SELECT ${x} AS a FROM people", "not allowed"),
    ("SELECT @x AS a FROM people", "not allowed"),
]


@pytest.mark.parametrize(("sql", "words"), REFUSED)
def test_what_is_not_on_the_list_is_refused_by_name(sql: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        judge_and_write(spec(sql))
    assert words.lower() in str(refused.value).lower()


HOSTILE = {
    "parentheses": "SELECT " + "(" * 10_000 + "1" + ")" * 10_000 + " AS a FROM people",
    "subqueries": "SELECT * FROM " + "(SELECT * FROM " * 3_000 + "people" + ")" * 3_000,
    "nots": "SELECT id FROM people WHERE " + "NOT " * 20_000 + "true",
    "cases": "SELECT " + "CASE WHEN true THEN " * 5_000 + "1" + " END" * 5_000 + " AS a FROM people",
    "too long": "SELECT id FROM people WHERE name = '" + "x" * MAX_SQL_CHARS + "'",
    "nul": "SELECT id FROM people WHERE name = 'a\0b'",
    "comment": "SELECT id /* FROM people",
    "backticks": "SELECT `id FROM people",
    "surrogate": "SELECT '\ud800 FROM people",
    "symbols": "!@#$%^&*()" * 1_000,
}


@pytest.mark.parametrize("sql", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused(sql: str) -> None:
    with pytest.raises(Refused):
        judge_and_write(spec(sql))


def test_a_common_table_expression_hides_a_table_of_its_name() -> None:
    sql = "WITH people AS (SELECT person AS ssn FROM `store-visits 2024`) SELECT ssn FROM people"
    guarded = judge_and_write(spec(sql))
    assert [source.name for source in guarded.judged.views.values()] == ["store-visits 2024"]


def test_two_tables_whose_names_differ_in_case_only_cannot_be_told_apart() -> None:
    with pytest.raises(Refused, match="differ in case"):
        judge_and_write(spec("SELECT id FROM people", tables=(PEOPLE, replace(PEOPLE, name="People"))))


def test_a_table_that_is_not_used_does_not_forbid_the_query() -> None:
    assert judge_and_write(spec("SELECT id FROM people", tables=(PEOPLE, replace(VISITS, rule=None, rule_type=None))))


def test_a_table_that_is_only_counted_must_allow_it_too() -> None:
    with pytest.raises(Refused, match="has no analysis rule"):
        judge_and_write(spec("SELECT count(*) AS n FROM people", tables=(replace(PEOPLE, rule=None, rule_type=None),)))
