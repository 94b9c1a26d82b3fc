"""A table of 1 GB in S3: read by the engine, beside a DuckDB with its own reader of S3."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import boto3
import duckdb
import psutil

from bench.queries import kept
from bench.results import Figure, Section, not_measured, spread
from bench.servers import server, whiteroom
from whiteroom.aws.clients import AwsClients
from whiteroom.base.arns import new_id
from whiteroom.cli.s3_beside import S3Beside, catalog_of
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import QuerySpec, ResultFormat
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.engine import DuckDbEngine
from whiteroom.ports.catalog import Reader
from whiteroom.settings import Settings
from whiteroom.settings_loading import load_settings

ACCOUNT = "111111111111"
FILES, ROWS_PER_FILE = 4, 7_800_000
"""Of four doubles that nothing makes smaller: 250 MB a file."""
RUNS, TARGET = 3, 1.2
PEER = Path(".venv-httpfs/bin/python")
"""The newest DuckDB that has httpfs as a wheel: the one that Whiteroom uses would fetch it from its makers."""
NAME = "a table of 1 GB in S3, all columns"
SQL = "SELECT count(*) AS n, sum(a) AS a, sum(b) AS b, sum(c) AS c, sum(d) AS d FROM {source}"
BARE = """
import pathlib, duckdb, duckdb_extension_httpfs
connection = duckdb.connect(config={{"threads": {threads}, "memory_limit": "{memory}B"}})
packaged = pathlib.Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
connection.execute(f"LOAD '{{next(packaged)}}'")
where = "ENDPOINT '{endpoint}', USE_SSL false, URL_STYLE 'path'"
connection.execute(f"CREATE SECRET (TYPE s3, KEY_ID '{key}', SECRET '{secret}', {{where}})")
print(connection.execute("{sql}").fetchall())
"""


def run() -> Section:
    """Ours and bare DuckDB one after the other, on the S3 that comes along."""
    about = (
        f"{FILES} files of Parquet in SeaweedFS beside the server. From `SqlEngine.start` to the result in place: "
        "judged, brought, read. Beside a process of Python's that imports DuckDB (the newest release whose httpfs is a "
        f"wheel) and reads the same objects by httpfs on as many threads. Median of {RUNS} runs."
    )
    return Section("Tables in S3", about, (_figure(),))


def _figure() -> Figure:
    if not PEER.exists():
        return not_measured(NAME, f"{TARGET:g}", "`make bench` installs the DuckDB that reads S3 by itself")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        room = Path(scratch) / "room"
        key = json.loads(whiteroom(room, "accounts", "add", ACCOUNT, "--json"))
        with server(room, options=("--s3",)):
            settings = load_settings(room, os.environ)
            endpoint = S3Beside(settings).endpoint
            _fill(Path(scratch), endpoint, key)
            catalog_of(settings).add(ACCOUNT, "lake", "facts", [f"s3://{ACCOUNT}/facts/"])
            ours, theirs = [], []
            for turn in range(RUNS + 1):  # the first warms the page cache
                seconds, bare = _ours(settings), _bare(endpoint, key)
                if turn:
                    ours.append(seconds)
                    theirs.append(bare)
    ratio = median(ours) / median(theirs)
    times = f"{ratio:.2f} times its time"
    return Figure(NAME, spread(ours, "s", 2), spread(theirs, "s", 2), times, f"{TARGET:g}", ratio <= TARGET)


def _fill(folder: Path, endpoint: str, key: dict[str, str]) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["accessKeyId"],
        aws_secret_access_key=key["secretAccessKey"],
    )
    file = folder / "facts.parquet"
    for number in range(FILES):
        rows = f"SELECT random() a, random() b, random() c, random() d FROM range({ROWS_PER_FILE})"
        duckdb.execute(f"COPY ({rows}) TO '{file}' (FORMAT parquet, COMPRESSION uncompressed)")
        s3.upload_file(str(file), ACCOUNT, f"facts/{number}.parquet")


def _limits() -> tuple[int, int]:
    return os.cpu_count() or 1, psutil.virtual_memory().total // 4


def _ours(settings: Settings) -> float:
    cpus, memory = _limits()
    source = catalog_of(settings).resolve(ACCOUNT, "lake", "facts", reader=Reader("bench", ""))
    rule = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [ACCOUNT], "additionalAnalyses": "ALLOWED"}
    shared = {"allowedResultReceivers": [ACCOUNT]}
    columns = tuple(column.name for column in source.columns)
    table = QueryTable("facts", ACCOUNT, source, columns, "CUSTOM", rule, shared, association_id="facts")
    data = FolderData(settings.data)
    clients = AwsClients(settings.region, own_s3=S3Beside(settings))
    engine = DuckDbEngine(settings.data / "bench", data, aws=clients)
    spec = QuerySpec(
        id=new_id(),
        sql=SQL.format(source="facts"),
        parameters={},
        parameter_types={},
        template_arn=None,
        querier_account_id=ACCOUNT,
        algorithm_association_arn=None,
        receiver_account_ids=(ACCOUNT,),
        tables=(table,),
        result_format=ResultFormat.CSV,
        target=DataRef(DataKind.RESULT, new_id()),
        csv_header=True,
        max_file_bytes=100 * 10**9,
        memory_bytes=memory,
        cpus=cpus,
        timeout_seconds=600,
    )
    return kept(engine, spec, data)[0]


def _bare(endpoint: str, key: dict[str, str]) -> float:
    threads, memory = _limits()
    program = BARE.format(
        threads=threads,
        memory=memory,
        key=key["accessKeyId"],
        secret=key["secretAccessKey"],
        endpoint=urlsplit(endpoint).netloc,
        sql=SQL.format(source=f"read_parquet('s3://{ACCOUNT}/facts/*.parquet')"),
    )
    started = time.perf_counter()
    subprocess.run([str(PEER), "-c", program], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
