"""Batch transform: the client beside a bare loop that posts the same payloads to the same server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO, cast

from bench.results import Figure, Section, spread

ROWS = {"scores": 600_000, "echo": 4_800_000}
COLUMNS, FILES = 8, 4
RUNS = 7
TARGET = 0.9
MB = 1 << 20

SERVER = """
import http.server, json, sys
weights = [0.5, -1.25, 2.0, 0.75, -0.1, 3.5, -2.0, 1.0]
def score(row):
    total = 0.0
    for weight, value in zip(weights, row.split(b",")):
        total += weight * float(value)
    return b"%.6f" % total
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        about = {"MaxConcurrentTransforms": int(sys.argv[1]), "MaxPayloadInMB": 6, "BatchStrategy": "MULTI_RECORD"}
        self.answer(b"" if self.path == "/ping" else json.dumps(about).encode())
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if sys.argv[2] == "echo":
            return self.answer(body)
        self.answer(b"\\n".join(map(score, body.splitlines())))
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(server.server_address[1], flush=True)
server.serve_forever()
"""

OURS = """
import sys, time
sys.path.append(sys.argv[1])
from pathlib import Path
from whiteroom.runtime.transform.client import run_transform
from whiteroom.runtime.transform.jobs import TransformJob
job = TransformJob(Path(sys.argv[2]), Path(sys.argv[3]), "text/csv", False, None, 6, 30, port=int(sys.argv[4]))
started = time.perf_counter()
outcome = run_transform(job, alive=lambda: True, stopping=lambda: False, note=lambda text: None)
print(time.perf_counter() - started)
sys.exit(not outcome.ok)
"""

BARE = """
import concurrent.futures, http.client, json, sys, threading, time
source, target, port, ranges, threads = sys.argv[2], sys.argv[3], int(sys.argv[4]), json.loads(sys.argv[5]), sys.argv[6]
own = threading.local()
def post(payload):
    if not hasattr(own, "connection"):
        own.connection = http.client.HTTPConnection("127.0.0.1", port)
    own.connection.request("POST", "/invocations", payload, {"Content-Type": "text/csv"})
    return own.connection.getresponse().read()
def payloads(name, sizes):
    with open(f"{source}/{name}", "rb") as file:
        for size in sizes:
            yield file.read(size)
started = time.perf_counter()
pool = concurrent.futures.ThreadPoolExecutor(int(threads))
for name, sizes in ranges.items():
    with open(f"{target}/{name}.out", "wb") as out:
        sent = payloads(name, sizes)
        for answer in map(post, sent) if threads == "1" else pool.map(post, sent):
            out.write(answer + b"\\n")
print(time.perf_counter() - started)
"""


def run() -> Section:
    """The same rows through both, in turn, for one request at a time and for four."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        folder = Path(scratch)
        for kind, rows in ROWS.items():
            _write(folder / kind, rows)
        figures = tuple(_figure(folder, threads, kind) for kind in ROWS for threads in (1, 4))
    about = (
        f"Rows of {COLUMNS} numbers in {FILES} files, payloads of up to 6 MB, to a server of Python's own "
        f"`http.server`: one that parses and scores each row ({ROWS['scores']:,} of them), and one that answers what "
        f"it was sent, where nothing but the client counts ({ROWS['echo']:,}). The loop is told where each payload "
        "begins and ends, posts it over a kept connection, and writes the answers to files. "
        f"Median of {RUNS} runs."
    )
    return Section("Batch transform", about, figures)


def _figure(folder: Path, threads: int, kind: str) -> Figure:
    ours: list[float] = []
    bare: list[float] = []
    ranges = json.dumps({file.name: _sizes(file) for file in sorted((folder / kind).iterdir())})
    with _server(threads, kind) as port:
        for turn in range(RUNS + 1):  # the first warms up
            pair = [
                _seconds(folder / kind, port, program, ranges, str(threads), folder / name)
                for program, name in ((OURS, "ours"), (BARE, "bare"))
            ]
            if turn:
                ours.append(ROWS[kind] / pair[0] / 1000)
                bare.append(ROWS[kind] / pair[1] / 1000)
    for file in (folder / kind).iterdir():
        written = [(folder / name / f"{file.name}.out").read_bytes() for name in ("ours", "bare")]
        if written[0].replace(b"\n\n", b"\n") != written[1].replace(b"\n\n", b"\n"):
            raise RuntimeError(f"the two answers for {file.name} differ")
    ratio = median(ours) / median(bare)
    doing = {"scores": "a server that scores", "echo": "a server that echoes"}[kind]
    return Figure(
        f"Rows through {doing}, {threads} at a time",
        spread(ours, "thousand /s", 0),
        spread(bare, "thousand /s", 0),
        f"{ratio:.2f} of its rate",
        f"{TARGET:g}",
        ratio >= TARGET,
    )


def _seconds(source: Path, port: int, program: str, ranges: str, threads: str, target: Path) -> float:
    # To replace a file of the last turn would cost what no transform pays.
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    command = [sys.executable, "-I", "-S", "-c", program, str(Path("src").absolute()), str(source)]
    command += [str(target), str(port), ranges, threads]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextmanager
def _server(threads: int, kind: str) -> Iterator[int]:
    command = [sys.executable, "-c", SERVER, str(threads), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(cast("IO[str]", process.stdout).readline())
        finally:
            process.terminate()


def _write(folder: Path, rows: int) -> None:
    folder.mkdir()
    for number in range(FILES):
        lines = (
            b",".join(b"%d.%03d" % (row * 31 % 97, (row + column) % 1000) for column in range(COLUMNS))
            for row in range(number, rows, FILES)
        )
        (folder / f"part-{number}.csv").write_bytes(b"\n".join(lines) + b"\n")


def _sizes(file: Path) -> list[int]:
    """Of the payloads: as many whole lines as 6 MB hold."""
    data, sizes, start = file.read_bytes(), [], 0
    while start < len(data):
        end = len(data) if len(data) - start <= 6 * MB else data.rfind(b"\n", start, start + 6 * MB) + 1
        sizes.append(end - start)
        start = end
    return sizes
