"""The batch transform client against a friendly server: from readiness to its end."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import whiteroom
from support.patience import stretch
from unit.runtime.transform.conftest import Exchange
from unit.runtime.transform.servers import Model, serving
from whiteroom.runtime.transform.client import run_transform
from whiteroom.runtime.transform.jobs import MB, TransformOutcome


def test_each_file_becomes_one_output_of_the_same_name(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n", b=b"x\n2\n")
    with serving(Model()) as port:
        outcome = exchange.run(port)
    assert outcome == TransformOutcome(True, "", ("a.out", "b.out"), ())
    assert exchange.found() == {"a.out": b"x\n1\n", "b.out": b"x\n2\n"}


def test_requests_carry_the_content_type_and_the_accept_that_the_job_names(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    model = Model()
    with serving(model) as port:
        exchange.run(port, accept="application/jsonlines")
    assert [(h["Content-Type"], h["Accept"]) for h in model.headers] == [("text/csv", "application/jsonlines")]


@pytest.mark.parametrize(
    ("told", "requested", "largest"),
    [
        (b'{"MaxPayloadInMB": 2}', None, 2),
        (b'{"MaxPayloadInMB": 2}', 1, 1),
        (None, None, 6),
        (b"garbage", None, 6),
        (b'{"MaxPayloadInMB": "2"}', None, 6),
        (b'{"MaxPayloadInMB": -1, "MaxConcurrentTransforms": true}', None, 6),
        (b"[" * 60_000, None, 6),
    ],
)
def test_the_request_goes_before_the_container_and_the_container_before_the_default(
    exchange: Exchange, told: bytes | None, requested: int | None, largest: int
) -> None:
    exchange.put(a=b"x" * 1023 + b"\n")
    with (exchange.inputs / "a").open("ab") as file:
        file.write((b"x" * 1023 + b"\n") * 7 * 1024)
    model = Model(answer=lambda body: b"", parameters=told)
    with serving(model) as port:
        assert exchange.run(port, max_payload_mb=requested).ok
    assert max(map(len, model.bodies)) == largest * MB


def test_of_a_folder_only_the_files_that_are_named_are_put_through(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n", b=b"x\n2\n", c=b"x\n3\n")
    model = Model()
    with serving(model) as port:
        outcome = exchange.run(port, files=("c", "a"))
    assert outcome == TransformOutcome(True, "", ("a.out", "c.out"), ())
    assert set(exchange.found()) == {"a.out", "c.out"}
    assert len(model.bodies) == 2


def test_who_has_no_file_waits_for_readiness_and_ends_well(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    model = Model(pings_refused=2)
    with serving(model) as port:
        assert exchange.run(port, files=()) == TransformOutcome(True)
    assert model.pings_refused < 0
    assert (model.bodies, exchange.found()) == ([], {})


def test_who_has_no_file_fails_where_the_server_never_gets_ready(exchange: Exchange) -> None:
    with serving(Model(pings_refused=10**6)) as port:
        assert "did not answer GET /ping" in exchange.run(port, files=(), ready_timeout_seconds=0.1).message


def test_a_named_file_that_is_gone_fails_the_job(exchange: Exchange) -> None:
    with serving(Model()) as port:
        outcome = exchange.run(port, files=("a",))
    assert outcome.message == "The transform's files cannot be read or written: No such file or directory."


def test_the_server_is_asked_until_it_is_ready(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    with serving(Model(pings_refused=3)) as port:
        assert exchange.run(port).ok


def test_a_server_that_never_gets_ready_is_given_up_at_the_deadline(exchange: Exchange) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with serving(Model(pings_refused=10**6)) as port:
        outcome = run_transform(
            replace(exchange.job, port=port, ready_timeout_seconds=1800),
            alive=lambda: True,
            stopping=lambda: False,
            note=exchange.notes.append,
            clock=lambda: now[0],
            sleep=sleep,
        )
    assert outcome.message == (
        "The program did not answer GET /ping with status 200 within 1800 s: the last answer had status 503."
    )
    assert 1799 < now[0] <= 1801


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_program_that_has_ended_is_not_waited_for(exchange: Exchange) -> None:
    exchange.alive = lambda: False
    assert exchange.run(_free_port()).message == "The program ended before the transform was done."


def test_a_run_that_is_stopped_while_an_answer_is_awaited_ends_soon_and_keeps_whole_outputs(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n", b=b"x\nslow\n")
    stop, leave = threading.Event(), threading.Event()
    exchange.stopping = stop.is_set

    def answer(body: bytes) -> bytes:
        if b"slow" in body:
            stop.set()
            leave.wait(5)
        return body

    with serving(Model(answer=answer)) as port:
        started = time.monotonic()
        outcome = exchange.run(port)
        took = time.monotonic() - started
        leave.set()
    assert (outcome.ok, outcome.message) == (False, "The transform was stopped.")
    assert took < 2 * stretch()
    assert exchange.found() == {"a.out": b"x\n1\n"}


def test_an_accept_header_that_cannot_be_sent_fails_without_a_traceback(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    with serving(Model()) as port:
        assert not exchange.run(port, accept="a\r\nX: y").ok


def test_it_runs_isolated_with_the_standard_library_alone(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    root = Path(whiteroom.__file__).parents[1]
    program = """
import json, pathlib, sys
root, inputs, outputs, port = sys.argv[1:]
sys.path.append(root)
from whiteroom.runtime.transform.client import run_transform
from whiteroom.runtime.transform.jobs import TransformJob
from whiteroom.base.archives import unpack
job = TransformJob(pathlib.Path(inputs), pathlib.Path(outputs), "text/csv", True, None, None, 5, port=int(port))
outcome = run_transform(job, alive=lambda: True, stopping=lambda: False, note=lambda line: None)
print(json.dumps([outcome.ok, sorted(name for name in sys.modules if name.startswith("whiteroom"))]))
"""
    with serving(Model()) as port:
        done = subprocess.run(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                program,
                str(root),
                str(exchange.inputs),
                str(exchange.outputs),
                str(port),
            ],
            check=True,
            capture_output=True,
            timeout=30,
        )
    assert json.loads(done.stdout) == [
        True,
        [
            "whiteroom",
            "whiteroom.base",
            "whiteroom.base.archives",
            "whiteroom.runtime",
            "whiteroom.runtime.transform",
            "whiteroom.runtime.transform.answers",
            "whiteroom.runtime.transform.buffers",
            "whiteroom.runtime.transform.client",
            "whiteroom.runtime.transform.exchange",
            "whiteroom.runtime.transform.jobs",
            "whiteroom.runtime.transform.splitting",
            "whiteroom.runtime.transform.work",
        ],
    ]
