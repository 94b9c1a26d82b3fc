"""The SQL engine, run as the server runs it: in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from contract.sql_engine.conftest import EngineFolder
from contract.sql_engine.suite import SqlEngineContract
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.queries import QueryFailure, QuerySpec, ResultFormat
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.privacy.query_tables import FileFormat, unreadable
from whiteroom.engines.duckdb.engine import DuckDbEngine

ENDLESS = "SELECT count(*) AS n FROM numbers a CROSS JOIN numbers b CROSS JOIN numbers c WHERE a.i * b.i + c.i = -1"


@pytest.fixture
def numbers(folder: EngineFolder) -> EngineFolder:
    """A Parquet table of a million rows in two files."""
    files = [folder.path / "n0.parquet", folder.path / "n1.parquet"]
    for index, file in enumerate(files):
        duckdb.sql(
            f"COPY (SELECT i + {index * 500_000} AS i, i % 1000 AS k, i / 7 AS x FROM range(500000) t(i)) TO '{file}'"
        )
    folder.add("numbers", files, {"i": "bigint", "k": "bigint", "x": "double"}, FileFormat.PARQUET)
    duckdb.sql(f"COPY (SELECT i % 500 AS k, i AS label FROM range(1000) t(i)) TO '{folder.path / 'l.parquet'}'")
    folder.add("labels", [folder.path / "l.parquet"], {"k": "bigint", "label": "bigint"}, FileFormat.PARQUET)
    return folder


class TestDuckDbEngine(SqlEngineContract):
    adapters = (DuckDbEngine,)

    @pytest.fixture
    def engine(self, folder: EngineFolder) -> DuckDbEngine:
        return folder.engine

    @pytest.fixture
    def data(self, folder: EngineFolder) -> FolderData:
        return FolderData(folder.path)

    @pytest.fixture
    def query(self, people: EngineFolder) -> QuerySpec:
        return people.spec("SELECT id, name FROM people")

    @pytest.fixture
    def refused(self, people: EngineFolder) -> QuerySpec:
        return people.spec("SELECT ssn FROM people")

    @pytest.fixture
    def endless(self, numbers: EngineFolder) -> QuerySpec:
        return numbers.spec(ENDLESS)


def test_a_select_star_gives_the_allowed_columns_with_a_header(people: EngineFolder) -> None:
    assert people.text("SELECT * FROM people") == "id,name\n1,Ann\n2,Bob\n3,\n"


def test_names_are_compared_without_case_and_written_as_the_query_writes_them(people: EngineFolder) -> None:
    sql = (
        "SELECT P.ID AS PersonId, v.Amount FROM PEOPLE p JOIN `Store-Visits 2024` v ON p.id = v.person ORDER BY amount"
    )
    assert people.text(sql) == "PersonId,Amount\n1,1.25\n2,2.0\n2,5.5\n"


def test_a_join_comes_in_the_order_of_its_tables_rows(people: EngineFolder) -> None:
    sql = "SELECT amount, name FROM `store-visits 2024` v LEFT JOIN people p ON p.id = v.person"
    assert people.text(sql) == "amount,name\n5.5,Bob\n1.25,Ann\n2.0,Bob\n7.0,\n"


def test_a_result_counts_its_rows_files_and_bytes_and_names_its_tables(people: EngineFolder) -> None:
    seen, spec = people.run("SELECT id FROM people")
    assert seen.phase is Phase.ENDED
    assert seen.result is not None
    assert (seen.result.rows, seen.result.files, seen.result.tables) == (3, ("part-00000.csv",), ("people",))
    assert seen.result.size_bytes == len("id\n1\n2\n3\n")
    assert [entry.name for entry in people.rows(spec).iterdir()] == ["part-00000.csv"]
    assert [entry.name for entry in people.rows(spec).parent.iterdir()] == [spec.id]


VISITS = "FROM people p JOIN `store-visits 2024` v ON p.id = v.person"


@pytest.mark.parametrize("where", ["", "WHERE p.id = 1", "WHERE p.id = 99"])
def test_what_a_query_read_is_all_of_its_tables_whatever_its_filters(people: EngineFolder, where: str) -> None:
    seen, _ = people.run(f"SELECT p.id {VISITS} {where}", measured=True)
    assert seen.result is not None
    use = seen.result.use
    assert use is not None
    assert use.tables is not None
    assert sorted((table.rows, table.files, table.columns) for table in use.tables) == [
        (3, 1, ("bigint",)),
        (4, 1, ("bigint",)),
    ]
    assert (use.cpus, use.memory_bytes) == (2, 2 * 10**9)
    assert 0 < use.seconds < 60
    assert use.cpu_seconds > 0
    assert 0 < use.peak_memory_bytes < 10**9


def test_rows_are_counted_only_where_somebody_may_read_how_many(people: EngineFolder) -> None:
    def read(**changes: Any) -> object:
        seen, _ = people.run("SELECT COUNT(id) AS n FROM people", **changes)
        assert seen.result is not None, seen.message
        assert seen.result.use is not None
        return seen.result.use.tables

    assert read(measured=True) is not None
    assert read(measured=False) is None
    [table, *others] = people.tables
    thresholds = [{"type": "COUNT_DISTINCT", "identityColumns": ["Name"], "minimumIdentityCount": 2}]
    hidden = replace(table, rule={**(table.rule or {}), "aggregationThresholds": thresholds})
    assert read(measured=True, tables=(hidden, *others)) is None


def test_every_way_to_read_two_tables_gives_sparks_rows(people: EngineFolder) -> None:
    visits = "`store-visits 2024` v ON p.id = v.person"
    assert people.text(f"SELECT p.* FROM people p LEFT SEMI JOIN {visits}") == "id,name\n1,Ann\n2,Bob\n"
    assert people.text(f"SELECT p.id FROM people p LEFT ANTI JOIN {visits}") == "id\n3\n"
    assert (
        people.text(f"SELECT p.id, v.amount FROM people p RIGHT JOIN {visits}")
        == "id,amount\n,7.0\n1,1.25\n2,5.5\n2,2.0\n"
    )
    assert people.text("SELECT id FROM people EXCEPT SELECT person FROM `store-visits 2024`") == "id\n3\n"


def test_an_empty_result_is_one_file_with_a_header(people: EngineFolder) -> None:
    assert people.text("SELECT id FROM people WHERE id > 99") == "id\n"


def test_an_empty_parquet_result_is_one_file_with_a_schema(people: EngineFolder) -> None:
    seen, spec = people.run("SELECT id, name FROM people WHERE id > 99", result_format=ResultFormat.PARQUET)
    assert seen.result is not None
    assert seen.result.rows == 0
    described = duckdb.read_parquet(str(people.rows(spec) / seen.result.files[0]))
    assert (described.columns, list(map(str, described.types))) == (["id", "name"], ["BIGINT", "VARCHAR"])


def test_the_header_can_be_turned_off(people: EngineFolder) -> None:
    assert people.text("SELECT id FROM people", csv_header=False) == "1\n2\n3\n"


def test_csv_values_are_spelled_as_spark_spells_them(people: EngineFolder) -> None:
    sql = (
        "SELECT TIMESTAMP '2020-01-02 03:04:05.678' AS t, DATE '2020-01-02' AS d, true AS b, '' AS e, "
        "CAST(null AS STRING) AS n, CAST(1.5 AS DECIMAL(5,2)) AS c, 'a\"b,c' AS q FROM people WHERE id = 1"
    )
    assert people.text(sql) == 't,d,b,e,n,c,q\n2020-01-02T03:04:05.678Z,2020-01-02,true,"",,1.50,"a""b,c"\n'


QUERIES = [
    "SELECT i, x, label FROM numbers n JOIN labels l ON n.k = l.k",
    "SELECT i, x FROM numbers WHERE k IN (SELECT k FROM labels WHERE label > 600)",
    "SELECT k, sum(x) AS s, avg(x) AS m, count(*) AS n FROM numbers GROUP BY k",
    "SELECT DISTINCT k FROM numbers",
    "SELECT i, row_number() OVER (PARTITION BY k ORDER BY 1) AS r FROM numbers",
    "SELECT i FROM numbers UNION ALL SELECT label FROM labels",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_the_same_query_on_the_same_data_writes_the_same_bytes(numbers: EngineFolder, sql: str) -> None:
    first = numbers.text(sql, cpus=2)
    assert numbers.text(sql, cpus=2) == first
    assert numbers.text(sql, cpus=3) == first


@pytest.mark.parametrize("result_format", list(ResultFormat))
def test_a_result_above_the_limit_is_cut_into_files_in_order(
    numbers: EngineFolder, result_format: ResultFormat
) -> None:
    sql = "SELECT i, x, label FROM numbers n JOIN labels l ON n.k = l.k"
    whole, whole_spec = numbers.run(sql, result_format=result_format)
    parts, parts_spec = numbers.run(sql, result_format=result_format, max_file_bytes=4_000_000)
    assert whole.result is not None
    assert parts.result is not None
    assert len(whole.result.files) == 1
    assert len(parts.result.files) > 1
    assert sorted(path.name for path in numbers.rows(parts_spec).iterdir()) == list(parts.result.files)
    oracle = duckdb.connect()
    oracle.execute("SET threads = 1")

    def rows(folder: Path, files: tuple[str, ...]) -> list[list[tuple[object, ...]]]:
        return [oracle.execute(f"FROM '{folder / file}'").fetchall() for file in files]

    cut = rows(numbers.rows(parts_spec), parts.result.files)
    assert all(cut)
    assert [row for part in cut for row in part] == rows(numbers.rows(whole_spec), whole.result.files)[0]
    assert parts.result.rows == whole.result.rows == 1_000_000


def test_a_csv_is_never_cut_inside_a_quoted_field(folder: EngineFolder) -> None:
    folder.add("t", [folder.write("t.csv", "a\n" + '"x\ny"\n' * 1_000)], {"a": "string"})
    seen, spec = folder.run("SELECT a FROM t", max_file_bytes=500)
    assert seen.result is not None
    texts = [(folder.rows(spec) / name).read_text() for name in seen.result.files]
    assert len(texts) > 5
    assert all(text.startswith('a\n"x\ny"\n') and text.endswith('"x\ny"\n') for text in texts)
    assert "".join(text.removeprefix("a\n") for text in texts) == '"x\ny"\n' * 1_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,b\n1,x\n2,y,SECRET\n", 3),
        ("a,b\n1,x\n2,y\nSECRET,z\n", 4),
        ('a,b\n1,x\n2,"SECRET\n', 3),
        ("a,b\n1\n", 2),
    ],
)
def test_a_broken_csv_row_is_named_by_table_file_and_line(folder: EngineFolder, text: str, line: int) -> None:
    folder.add("t", [folder.write("broken.csv", text)], {"a": "bigint", "b": "string"})
    seen, spec = folder.run("SELECT a, b FROM t")
    assert seen.failure is QueryFailure.DATA
    assert re.search(rf"Table 't', file broken\.csv, line {line}\b", seen.message)
    assert "SECRET" not in seen.message
    assert str(folder.path) not in seen.message
    assert not folder.rows(spec).exists()
    assert list(folder.rows(spec).parent.iterdir()) == []


def test_a_row_cannot_forge_the_file_that_an_error_names(folder: EngineFolder) -> None:
    good = folder.write("good.csv", "a\n1\n")
    bad = folder.write("bad.csv", f'a\n"x\n  file = {good}\n"\n')
    folder.add("t", [good, bad], {"a": "bigint"})
    seen, _ = folder.run("SELECT a FROM t")
    assert "file bad.csv" in seen.message


@pytest.mark.parametrize("line", ['{"a": SECRET}', '{"a": "SECRET"}', "[1]"])
def test_a_broken_json_line_is_named_by_table_file_and_line(folder: EngineFolder, line: str) -> None:
    file = folder.write("rows.jsonl", '{"a": 1}\n{"a": 2}\n' + line + '\n{"a": 4}\n')
    folder.add("t", [file], {"a": "bigint"}, FileFormat.JSON_LINES)
    seen, _ = folder.run("SELECT a FROM t")
    assert seen.failure is QueryFailure.DATA
    assert "file rows.jsonl, line 3" in seen.message
    assert "SECRET" not in seen.message


def test_a_truncated_parquet_file_is_named(numbers: EngineFolder) -> None:
    whole = (numbers.path / "n1.parquet").read_bytes()
    (numbers.path / "n1.parquet").write_bytes(whole[: len(whole) // 2])
    seen, _ = numbers.run("SELECT i FROM numbers")
    assert seen.failure is QueryFailure.DATA
    assert "Table 'numbers', file n1.parquet" in seen.message


def test_a_damaged_parquet_page_is_named(numbers: EngineFolder) -> None:
    whole = (numbers.path / "n0.parquet").read_bytes()
    (numbers.path / "n0.parquet").write_bytes(whole[:1_000] + bytes(100_000) + whole[101_000:])
    seen, _ = numbers.run("SELECT sum(i) AS s, sum(k) AS t, sum(x) AS u FROM numbers")
    assert seen.failure is QueryFailure.DATA
    assert "file n0.parquet" in seen.message


def test_a_parquet_file_that_lost_a_column_is_a_fault_of_the_data(numbers: EngineFolder) -> None:
    for name in ("n0", "n1"):
        duckdb.sql(f"COPY (SELECT 1::BIGINT AS i) TO '{numbers.path / name}.parquet'")
    seen, _ = numbers.run("SELECT i, k FROM numbers")
    assert seen.failure is QueryFailure.DATA
    assert "'numbers'" in seen.message


def test_a_csv_whose_columns_moved_is_a_fault_of_the_data(people: EngineFolder) -> None:
    people.write("people.csv", "ssn,Name,id\ns1,Ann,1\n")
    seen, _ = people.run("SELECT name FROM people")
    assert seen.failure is QueryFailure.DATA
    assert "file people.csv, line 1" in seen.message


def test_a_file_that_is_gone_is_a_fault_of_the_data(people: EngineFolder) -> None:
    (people.path / "people.csv").unlink()
    seen, _ = people.run("SELECT name FROM people")
    assert seen.failure is QueryFailure.DATA
    assert "people.csv" in seen.message


def test_a_table_that_cannot_be_read_fails_the_queries_that_read_it_and_no_others(people: EngineFolder) -> None:
    gone = unreadable("/data/gone.csv is gone.")
    people.add("gone", [], {}, rule=None, rule_type=None, source=gone, association_id="id-gone")
    seen, _ = people.run("SELECT name FROM people")
    assert seen.result is not None
    seen, _ = people.run("SELECT p.name FROM people p JOIN gone g ON p.name = g.name")
    assert seen.failure is QueryFailure.DATA
    assert seen.message == (
        "The table 'gone' cannot be read now. Ask its owner: the catalog has no such table, or its files are gone."
    )
    assert seen.for_owners == {"id-gone": "/data/gone.csv is gone."}


def test_a_value_that_breaks_a_query_does_not_appear_in_the_message(people: EngineFolder) -> None:
    secret = "98765432109876543210987654321098765432"
    # The sum of three has 39 digits, which no DECIMAL holds.
    seen, _ = people.run(f"SELECT SUM(CAST('{secret}' AS DECIMAL(38, 0))) AS x FROM people")
    assert seen.failure is QueryFailure.INVALID
    assert secret[:10] not in seen.message


def test_a_sum_beyond_a_bigint_wraps_as_sparks_does(people: EngineFolder) -> None:
    text = people.text("SELECT id + 9223372036854775807 AS x FROM people ORDER BY id LIMIT 1")
    assert text.splitlines() == ["x", "-9223372036854775808"]


def test_a_query_of_a_table_without_a_rule_is_refused_with_the_reason(folder: EngineFolder) -> None:
    folder.add("t", [folder.write("t.csv", "a\n1\n")], {"a": "bigint"}, rule=None, rule_type=None)
    seen, _ = folder.run("SELECT a FROM t")
    assert seen.failure is QueryFailure.REFUSED
    assert "Its owner must call CreateConfiguredTableAnalysisRule" in seen.message


def test_more_memory_than_granted_ends_the_query(numbers: EngineFolder) -> None:
    sql = "SELECT a.i AS x, median(b.i) AS m FROM numbers a JOIN numbers b ON a.k = b.k GROUP BY a.i"
    seen, _ = numbers.run(sql, memory_bytes=60_000_000, timeout_seconds=30)
    assert seen.failure in {QueryFailure.RESOURCES, QueryFailure.TIMEOUT}


def test_a_query_over_its_time_is_killed(numbers: EngineFolder) -> None:
    seen, spec = numbers.run(ENDLESS, timeout_seconds=1)
    assert seen.failure is QueryFailure.TIMEOUT
    assert "1 seconds" in seen.message
    assert list(numbers.rows(spec).parent.iterdir()) == []


def test_a_restarted_server_finds_its_query(numbers: EngineFolder) -> None:
    spec = numbers.spec("SELECT i FROM numbers")
    numbers.engine.start(spec)
    numbers.engine = DuckDbEngine(numbers.path / "engine", numbers.data)
    numbers.engine.start(spec)
    seen = numbers.end(spec.id)
    assert seen.result is not None
    assert seen.result.rows == 1_000_000


def test_a_query_whose_processes_died_is_absent_and_can_start_again(numbers: EngineFolder) -> None:
    spec = numbers.spec(ENDLESS)
    numbers.engine.start(spec)
    folder = numbers.path / "engine" / "queries" / spec.id
    os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)
    assert numbers.end(spec.id).phase is Phase.ABSENT
    numbers.engine.start(spec)
    assert numbers.engine.observe(spec.id).phase is Phase.RUNNING


def test_the_worker_dies_with_its_supervisor(numbers: EngineFolder) -> None:
    spec = numbers.spec(ENDLESS)
    numbers.engine.start(spec)
    folder = numbers.path / "engine" / "queries" / spec.id
    supervisor = int((folder / "pid").read_text())
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children")
    while not children.read_text():
        time.sleep(0.005)
    time.sleep(0.3)  # the worker asks for the signal in its first milliseconds
    os.kill(supervisor, signal.SIGKILL)
    assert numbers.end(spec.id).phase is Phase.ABSENT


def test_an_id_that_leaves_the_folder_is_refused(folder: EngineFolder) -> None:
    with pytest.raises(ValueError, match="not the id"):
        folder.engine.observe("../elsewhere")


def test_a_units_name_that_holds_sql_does_not_read_a_column_that_is_not_allowed(people: EngineFolder) -> None:
    file = people.tables[0].source.files[0]
    stolen = f"(SELECT max(ssn) FROM read_csv('{file}', normalize_names=false))"
    for unit in (f"year FROM at) || {stolen} || extract(year", f"year FROM at) || {stolen} || extract(YEAR"):
        seen, _ = people.run(f"SELECT extract(`{unit}` FROM DATE '2020-01-01') AS a FROM people")
        assert seen.failure is QueryFailure.REFUSED
        assert "plain letters" in seen.message
