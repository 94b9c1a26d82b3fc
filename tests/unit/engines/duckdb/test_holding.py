"""Whatever reads a query's tables reads the files that were opened, also once their paths lead elsewhere."""

from __future__ import annotations

import bz2
import gzip
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from whiteroom.domain.privacy.query_tables import (
    CatalogTable,
    Column,
    FileFormat,
    PositionDeletes,
    QueryTable,
    Reading,
    Snapshot,
)
from whiteroom.engines.duckdb.holding import held
from whiteroom.engines.duckdb.tables import (
    BrokenData,
    broken_data,
    check_headers,
    check_unchanged,
    check_values,
    count_statement,
    marks_of,
    view_statements,
)

COLUMNS = (Column("a", "bigint"), Column("who", "string"))
OWN, THEIRS = [(1, "mé"), (2, "me")], [(7, "thém"), (8, "them"), (9, "them")]
Rows = list[tuple[int, str]]


def csv(rows: Rows) -> str:
    return "".join(f"{a},{who}\n" for a, who in [("a", "who"), *rows])


def lines(rows: Rows) -> str:
    return "".join(f'{{"a": {a}, "who": "{who}"}}\n' for a, who in rows)


def parquet(file: Path, rows: Rows) -> None:
    values = ", ".join(f"({a}, '{who}')" for a, who in rows)
    duckdb.sql(f"COPY (SELECT a::BIGINT AS a, who FROM (VALUES {values}) AS t(a, who)) TO '{file}' (FORMAT PARQUET)")


WRITERS: dict[str, tuple[str, Callable[[Path, Rows], object], FileFormat, Reading]] = {
    "csv": ("t.csv", lambda file, rows: file.write_text(csv(rows)), FileFormat.CSV, Reading()),
    "csv in gzip": (
        "t.csv.gz",
        lambda file, rows: file.write_bytes(gzip.compress(csv(rows).encode())),
        FileFormat.CSV,
        Reading(),
    ),
    "csv in bzip2": (
        "t.csv.bz2",
        lambda file, rows: file.write_bytes(bz2.compress(csv(rows).encode())),
        FileFormat.CSV,
        Reading(),
    ),
    "csv in gzip under another name": (
        "t.csv",
        lambda file, rows: file.write_bytes(gzip.compress(csv(rows).encode())),
        FileFormat.CSV,
        Reading(),
    ),
    "csv in another encoding": (
        "t.csv",
        lambda file, rows: file.write_bytes(csv(rows).encode("cp1252")),
        FileFormat.CSV,
        Reading(encoding="windows-1252"),
    ),
    "lines": ("t.jsonl", lambda file, rows: file.write_text(lines(rows)), FileFormat.JSON_LINES, Reading()),
    "lines with a mark": (
        "t.jsonl",
        lambda file, rows: file.write_text(lines(rows), "utf-8-sig"),
        FileFormat.JSON_LINES,
        Reading(),
    ),
    "parquet": ("t.parquet", parquet, FileFormat.PARQUET, Reading()),
    "parquet by name": ("t.parquet", parquet, FileFormat.PARQUET, Reading(by_name=True)),
}


def link_to_their_file(own: Path, theirs: Path) -> None:
    own.rename(own.with_name("kept"))
    own.symlink_to(theirs)


def link_to_their_folder(own: Path, theirs: Path) -> None:
    own.parent.rename(own.parent.with_name("kept"))
    own.parent.symlink_to(theirs.parent)


def link_to_their_folder_above(own: Path, theirs: Path) -> None:
    own.parent.parent.rename(own.parent.parent.with_name("kept"))
    own.parent.parent.symlink_to(theirs.parent.parent)


def their_file_itself(own: Path, theirs: Path) -> None:
    theirs.rename(own)


SWAPS = [link_to_their_file, link_to_their_folder, link_to_their_folder_above, their_file_itself]


def drops(tmp_path: Path, name: str, write: Callable[[Path, Rows], object]) -> tuple[Path, Path]:
    own, theirs = tmp_path / "me" / "data" / name, tmp_path / "them" / "data" / name
    for file, rows in ((own, OWN), (theirs, THEIRS)):
        file.parent.mkdir(parents=True)
        write(file, rows)
    return own, theirs


def shared(source: CatalogTable) -> QueryTable:
    names = tuple(column.name for column in source.columns)
    return QueryTable("t", "111111111111", source, names, "CUSTOM", {}, None)


def rows_of(table: QueryTable, *, row_keys: bool = False) -> list[tuple[object, ...]]:
    """Its rows, once all was looked at that is looked at before a query."""
    wanted = frozenset(column.name for column in table.source.columns)
    check_headers([table])
    marks = marks_of([table])
    with duckdb.connect() as connection:
        check_values(connection, table, wanted, marks)
        for statement in view_statements(connection, "v", table, wanted, row_keys=row_keys):
            connection.execute(statement)
        names = ", ".join(column.name for column in table.source.columns)
        rows = connection.execute(f"SELECT {names} FROM v ORDER BY ALL").fetchall()
        assert connection.execute(count_statement(table)).fetchall() == [(len(rows),)]
    check_unchanged([table], marks)
    return rows


@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.parametrize("kind", WRITERS)
def test_rows_of_files_that_are_held_are_read_and_of_none_that_took_their_place(
    tmp_path: Path, kind: str, swap: Callable[[Path, Path], None]
) -> None:
    name, write, file_format, reading = WRITERS[kind]
    own, theirs = drops(tmp_path, name, write)
    table = shared(CatalogTable((str(own),), file_format, COLUMNS, reading, copies=str(tmp_path / "copies")))
    with held({"v": table}, tmp_path / "held") as views:
        swap(own, theirs)
        assert rows_of(views["v"]) == OWN
        assert rows_of(views["v"], row_keys=True) == OWN
    assert not (tmp_path / "held").exists()


@pytest.mark.parametrize("swap", SWAPS[:3])
@pytest.mark.parametrize("kind", WRITERS)
def test_files_that_are_reached_through_a_link_are_not_held(
    tmp_path: Path, kind: str, swap: Callable[[Path, Path], None]
) -> None:
    name, write, file_format, reading = WRITERS[kind]
    own, theirs = drops(tmp_path, name, write)
    swap(own, theirs)
    table = shared(CatalogTable((str(own),), file_format, COLUMNS, reading, copies=str(tmp_path / "copies")))
    with (
        pytest.raises(BrokenData, match=f"Table 't', file {name} became a link"),
        held({"v": table}, tmp_path / "held"),
    ):
        pass
    assert not (tmp_path / "held").exists()


def deleted(file: Path, rows_file: Path, positions: list[int]) -> None:
    values = ", ".join(f"('{rows_file}', {at}::BIGINT)" for at in positions)
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {values}) AS t(file_path, pos)) TO '{file}' (FORMAT PARQUET)")


@pytest.mark.parametrize("swap", SWAPS)
def test_a_snapshots_files_of_rows_and_of_deletes_are_held(tmp_path: Path, swap: Callable[[Path, Path], None]) -> None:
    own, theirs = drops(tmp_path, "t.parquet", parquet)
    for file, positions in ((own, [1]), (theirs, [0])):
        deleted(file.with_name("deletes.parquet"), own, positions)
    deletes = PositionDeletes(str(own.with_name("deletes.parquet")), ((str(own), 0),))
    snapshot = Snapshot("1", deletes=(deletes,), constants={"part": ("p",)})
    columns = (*COLUMNS, Column("part", "string"))
    table = shared(CatalogTable((str(own),), FileFormat.PARQUET, columns, snapshot=snapshot))
    with held({"v": table}, tmp_path / "held") as views:
        swap(own, theirs)
        if own.parent.resolve() == own.parent:
            swap(own.with_name("deletes.parquet"), theirs.with_name("deletes.parquet"))
        assert rows_of(views["v"]) == [(*OWN[0], "p")]


def test_partitions_are_those_of_the_files_own_folders_and_of_no_folder_above_the_query(tmp_path: Path) -> None:
    files = [tmp_path / "data" / f"yr={year}" / "t.csv" for year in (2024, 2025)]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True)
        file.write_text(f"a,who\n{number},x\n")
    columns = (*COLUMNS, Column("yr", "bigint"))
    table = shared(CatalogTable(tuple(map(str, files)), FileFormat.CSV, columns, Reading(partitions=("yr",))))
    above = tmp_path / "who=server" / "a=9"
    above.mkdir(parents=True)
    with held({"v": table}, above / "held") as views:
        assert rows_of(views["v"]) == [(0, "x", 2024), (1, "x", 2025)]


def test_files_of_one_name_in_several_folders_are_told_apart_and_keep_their_order(tmp_path: Path) -> None:
    files = [tmp_path / folder / "t.parquet" for folder in ("b", "a", "c")]
    for number, file in enumerate(files):
        file.parent.mkdir()
        parquet(file, [(number, "x")])
    table = shared(CatalogTable(tuple(map(str, files)), FileFormat.PARQUET, COLUMNS))
    with held({"v": table, "w": table}, tmp_path / "held") as views, duckdb.connect() as connection:
        for view in ("v", "w"):
            for statement in view_statements(connection, view, views[view], None, row_keys=True):
                connection.execute(statement)
            keyed = f'SELECT a FROM {view} ORDER BY "{_row_key(connection, view)}"'
            assert connection.execute(keyed).fetchall() == [(0,), (1,), (2,)]


PATTERNS = [
    ("a*.t", "ab.t"),
    ("a?.t", "ab.t"),
    ("[ab].t", "a.t"),
    ("**.t", "c.t"),
    ("a\\*.t", "a*.t"),
    ("[!a].t", "b.t"),
]


@pytest.mark.parametrize("names", PATTERNS)
@pytest.mark.parametrize("kind", ["csv", "csv in bzip2", "lines", "parquet", "parquet by name"])
def test_a_files_name_means_that_file_alone_whatever_patterns_mean_to_the_engine(
    tmp_path: Path, kind: str, names: tuple[str, str]
) -> None:
    _, write, file_format, reading = WRITERS[kind]
    files = [tmp_path / name for name in names]
    for number, file in enumerate(files):
        write(file, [(number, "x")])
    table = shared(CatalogTable(tuple(map(str, files)), file_format, COLUMNS, reading, copies=str(tmp_path / "copies")))
    with held({"v": table}, tmp_path / "held") as views:
        assert rows_of(views["v"]) == [(0, "x"), (1, "x")]
        assert rows_of(views["v"], row_keys=True) == [(0, "x"), (1, "x")]


@pytest.mark.parametrize("names", PATTERNS)
def test_what_metadata_say_of_a_file_goes_for_that_file_whatever_patterns_mean_to_the_engine(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    files = [tmp_path / name for name in names]
    for number, file in enumerate(files):
        parquet(file, [(number, "x"), (number, "y")])
    deleted(tmp_path / "deletes*.parquet", files[0], [0])
    deletes = PositionDeletes(str(tmp_path / "deletes*.parquet"), ((str(files[0]), 0),))
    snapshot = Snapshot("1", deletes=(deletes,), constants={"part": ("p", "q")})
    columns = (*COLUMNS, Column("part", "string"))
    table = shared(CatalogTable(tuple(map(str, files)), FileFormat.PARQUET, columns, snapshot=snapshot))
    with held({"v": table}, tmp_path / "held") as views:
        assert rows_of(views["v"]) == [(0, "y", "p"), (1, "x", "q"), (1, "y", "q")]


def _row_key(connection: duckdb.DuckDBPyConnection, view: str) -> str:
    return str(connection.execute(f"DESCRIBE {view}").fetchall()[-1][0])


@pytest.mark.parametrize("kind", ["csv", "csv in bzip2"])
def test_folders_whose_names_are_too_long_for_the_query_are_told(tmp_path: Path, kind: str) -> None:
    name, write, file_format, _ = WRITERS[kind]
    file = tmp_path / ("part=" + 200 * "\\") / name
    file.parent.mkdir()
    write(file, OWN)
    reading = Reading(partitions=("part",))
    table = shared(CatalogTable((str(file),), file_format, COLUMNS, reading, copies=str(tmp_path / "copies")))
    with (
        pytest.raises(BrokenData, match=rf"^Table 't', file {name} is in folders whose names are too long\.$"),
        held({"v": table}, tmp_path / "held"),
    ):
        pass
    assert not (tmp_path / "held").exists()


def test_what_is_wrong_in_a_held_file_is_told_by_its_own_name(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,who\n1,x\nnone,x\n")
    table = shared(CatalogTable((str(file),), FileFormat.CSV, COLUMNS))
    with held({"v": table}, tmp_path / "held") as views:
        with pytest.raises(BrokenData, match=r"^Table 't', file t\.csv, line 3, column 'a': "):
            rows_of(views["v"])
        with file.open("a") as stream:
            before = marks_of(views.values())
            stream.write("2,y\n")
        with pytest.raises(BrokenData, match=r"^Table 't', file t\.csv was changed while it was read"):
            check_unchanged(views.values(), before)


def test_a_files_name_writes_no_line_into_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "a\nall is well.csv"
    file.write_text("a,who\nx,x\n")
    table = shared(CatalogTable((str(file),), FileFormat.CSV, COLUMNS))
    with (
        held({"v": table}, tmp_path / "held") as views,
        pytest.raises(BrokenData, match=r"a\\nall is well\.csv, line 2"),
    ):
        rows_of(views["v"])
    file.unlink()
    with pytest.raises(BrokenData, match=r"a\\nall is well\.csv is gone"), held({"v": table}, tmp_path / "held"):
        pass


def test_an_engine_that_reads_no_file_that_was_moved_says_that_it_was(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,who\n1,x\n")
    table = shared(CatalogTable((str(file),), FileFormat.CSV, COLUMNS))
    with held({"v": table}, tmp_path / "held") as views, duckdb.connect() as connection:
        connection.execute(f"SET allowed_paths = ['{views['v'].source.files[0]}']")
        connection.execute("SET enable_external_access = false")
        file.rename(tmp_path / "moved.csv")
        with pytest.raises(duckdb.PermissionException) as told:
            connection.execute(count_statement(views["v"]))
        assert str(broken_data(str(told.value), views.values())) == (
            "Table 't', file t.csv was changed while it was read. Ask again."
        )


def open_now() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def many(tmp_path: Path, count: int) -> QueryTable:
    files = [tmp_path / f"{number}.csv" for number in range(count)]
    for file in files:
        file.write_text("a,who\n1,x\n")
    return shared(CatalogTable(tuple(map(str, files)), FileFormat.CSV, COLUMNS))


def test_as_many_files_are_held_as_the_machine_allows(tmp_path: Path) -> None:
    table, before, most = many(tmp_path, 120), open_now(), resource.getrlimit(resource.RLIMIT_NOFILE)
    few = before + 40
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, most[1]))
    try:
        with held({"v": table}, tmp_path / "held") as views:
            assert len(rows_of(views["v"])) == 120
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (few, most[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    assert open_now() == before


HOLDING_MANY = """
import resource, sys
from pathlib import Path
from unit.engines.duckdb.test_holding import many, open_now
from whiteroom.engines.duckdb.holding import TooManyFiles, held
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
before = open_now()
try:
    with held({"v": many(Path(sys.argv[1]), int(sys.argv[2]))}, Path(sys.argv[1], "held")):
        print("held")
except TooManyFiles as error:
    print(error)
assert open_now() == before
"""


@pytest.mark.parametrize(("count", "said"), [(100, "held"), (101, "raise the limit of open files")])
def test_more_files_than_a_process_may_open_are_refused(tmp_path: Path, count: int, said: str) -> None:
    command = [sys.executable, "-c", HOLDING_MANY, str(tmp_path), str(count)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "tests"})
    assert said in told.stdout
