"""Figure 2: a channel of a 10-million-row join, beside the same SQL in bare DuckDB."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

from bench.queries import kept
from bench.results import Figure, Section, spread
from whiteroom.base.arns import new_id
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.data.folder import FolderData
from whiteroom.data.s3.places import ServerData
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import QuerySpec, ResultFormat
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.engine import DuckDbEngine
from whiteroom.engines.duckdb.schemas import read_schema

ACCOUNT = "111111111111"
SCALE = 1.67  # TPC-H: 6 million line items at 1
TARGET = 1.15
RUNS = 3
ASSOCIATION = f"arn:aws:cleanrooms-ml:us-east-1:{ACCOUNT}:membership/m/configured-model-algorithm-association/a"
SQL = """
SELECT o.o_orderkey, o.o_custkey, o.o_orderdate, o.o_orderpriority, o.o_totalprice,
       l.l_linenumber, l.l_quantity, l.l_extendedprice, l.l_discount, l.l_shipmode
  FROM lineitem AS l JOIN orders AS o ON l.l_orderkey = o.o_orderkey
"""
BARE = """
import sys, time
started = time.perf_counter()
import duckdb
connection = duckdb.connect(config={{"threads": {threads}, "memory_limit": "{memory}B"}})
connection.execute("CREATE VIEW lineitem AS FROM read_parquet('{lineitem}')")
connection.execute("CREATE VIEW orders AS FROM read_parquet('{orders}')")
print(connection.execute("COPY ({sql}) TO '{target}' ({options})").fetchone()[0])
"""
OPTIONS = {ResultFormat.CSV: "FORMAT CSV, HEADER", ResultFormat.PARQUET: "FORMAT PARQUET"}


def run() -> Section:
    """Each format in turn, ours and bare DuckDB one after the other."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        folder = Path(scratch)
        write_tables(folder)
        figures = tuple(_format(folder, chosen) for chosen in (ResultFormat.CSV, ResultFormat.PARQUET))
    about = (
        "From `SqlEngine.start` to the result in place: guarded, in rows of a fixed order, durable. Beside a process "
        f"of Python's that imports DuckDB and runs the same COPY on as many threads. Median of {RUNS} runs."
    )
    return Section("Channels", about, figures)


def write_tables(folder: Path) -> None:
    """The tables that are joined."""
    command = [".venv-bench/bin/tpchgen-cli", "parquet", "-s", str(SCALE), "--tables", "lineitem,orders"]
    subprocess.run([*command, "--output-dir", str(folder)], check=True, stdout=subprocess.DEVNULL)


def _format(folder: Path, chosen: ResultFormat) -> Figure:
    cpus, memory = os.cpu_count() or 1, psutil.virtual_memory().total // 4
    ours, theirs, rows = [], [], 0
    for turn in range(RUNS + 1):  # the first warms the page cache
        seconds, rows = made(folder, chosen, cpus, memory, FolderData(folder))
        bare = _bare(folder, chosen, cpus, memory)
        if turn:
            ours.append(seconds)
            theirs.append(bare)
    ratio = median(ours) / median(theirs)
    return Figure(
        f"{rows:,} rows joined, as {chosen.value}",
        spread(ours, "s", 2),
        spread(theirs, "s", 2),
        f"{ratio:.2f} times its time",
        f"{TARGET:g}",
        ratio <= TARGET,
    )


def made(folder: Path, chosen: ResultFormat, cpus: int, memory: int, data: ServerData) -> tuple[float, int]:
    """Seconds until a channel is kept in `data`, and its rows."""
    catalog = FolderCatalog(folder / "catalog", read_schema)
    tables = []
    for name in ("lineitem", "orders"):
        catalog.add(ACCOUNT, "tpch", name, [str(folder / f"{name}.parquet")])
        source = catalog.resolve(ACCOUNT, "tpch", name)
        rule = {
            "allowedAnalyses": ["ANY_QUERY"],
            "allowedAnalysisProviders": [ACCOUNT],
            "additionalAnalyses": "ALLOWED",
        }
        allowed = {"allowedAdditionalAnalyses": [ASSOCIATION]}
        columns = tuple(column.name for column in source.columns)
        tables.append(QueryTable(name, ACCOUNT, source, columns, "CUSTOM", rule, allowed))
    engine = DuckDbEngine(data.work / "engine", data)
    spec = QuerySpec(
        id=new_id(),
        sql=SQL,
        parameters={},
        parameter_types={},
        template_arn=None,
        querier_account_id=ACCOUNT,
        algorithm_association_arn=ASSOCIATION,
        tables=tuple(tables),
        result_format=chosen,
        target=DataRef(DataKind.RESULT, new_id()),
        csv_header=True,
        max_file_bytes=100 * 10**9,
        memory_bytes=memory,
        cpus=cpus,
        timeout_seconds=600,
    )
    return kept(engine, spec, data)


def _bare(folder: Path, chosen: ResultFormat, cpus: int, memory: int) -> float:
    target = folder / f"bare.{chosen.value.lower()}"
    program = BARE.format(
        threads=cpus,
        memory=memory,
        lineitem=folder / "lineitem.parquet",
        orders=folder / "orders.parquet",
        sql=" ".join(SQL.split()),
        target=target,
        options=OPTIONS[chosen],
    )
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    target.unlink()
    return seconds
