"""Files that are under way together, in order, and what is left where one fails."""

from __future__ import annotations

import json
import threading
import time

import pytest

from unit.runtime.transform.conftest import Exchange
from unit.runtime.transform.servers import Model, serving
from whiteroom.runtime.transform.jobs import MB, TransformOutcome


def test_answers_are_joined_in_order_with_a_line_feed_after_each_under_concurrency(exchange: Exchange) -> None:
    lines = [b"%06d" % n + b"x" * 1000 for n in range(8000)]
    exchange.put(a=b"\n".join(lines))

    def answer(body: bytes) -> bytes:
        time.sleep(0.05 if body.startswith(b"000000") else 0.01)
        return b"\n".join(line[:6] for line in body.splitlines())

    model = Model(answer=answer, parameters=b'{"MaxConcurrentTransforms": 4, "BatchStrategy": "SINGLE_RECORD"}')
    with serving(model) as port:
        assert exchange.run(port, header=False).ok
    assert exchange.found()["a.out"].splitlines() == [line[:6] for line in lines]
    assert exchange.found()["a.out"].endswith(b"\n")
    assert 2 <= model.busiest <= 4


def test_a_failing_file_leaves_no_output_while_the_others_go_on(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n", b=b"x\nbad secret\n", c=b"x\n3\n")
    model = Model(status=lambda body: 400 if b"bad" in body else 200)
    with serving(model) as port:
        outcome = exchange.run(port)
    assert outcome == TransformOutcome(
        False, "1 of 3 files failed: b, bytes 0-12: HTTP status 400.", ("a.out", "c.out"), ("b",)
    )
    assert set(exchange.found()) == {"a.out", "c.out"}
    assert len(model.bodies) == 3


def test_a_file_that_fails_in_the_middle_leaves_nothing_of_its_first_answers(exchange: Exchange) -> None:
    exchange.put(a=b"x" * (MB - 1) + b"\n" + b"bad\n" + b"y" * (MB - 1) + b"\n")
    model = Model(status=lambda body: 422 if b"bad" in body else 200)
    with serving(model) as port:
        outcome = exchange.run(port, header=False)
    assert f"bytes {MB}-{MB + 3}: HTTP status 422" in outcome.message
    assert exchange.found() == {}


def test_a_server_error_is_tried_again_three_times(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    model = Model(status=lambda body: 500)
    with serving(model) as port:
        outcome = exchange.run(port)
    assert outcome.message == "1 of 1 files failed: a, bytes 0-3: HTTP status 500 (4 tries)."
    assert len(model.bodies) == 4


def test_a_server_error_that_passes_does_not_fail_the_file(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    model = Model()
    model.status = lambda body: 503 if len(model.bodies) < 4 else 200
    with serving(model) as port:
        assert exchange.run(port).ok
    assert exchange.found() == {"a.out": b"x\n1\n"}


def test_an_answer_that_comes_too_late_is_asked_for_again(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    model = Model()

    def answer(body: bytes) -> bytes:
        if len(model.bodies) == 1:
            time.sleep(0.6)
        return body

    model.answer = answer
    with serving(model) as port:
        outcome = exchange.run(port, response_timeout_seconds=0.3)
    assert outcome.ok
    assert exchange.found() == {"a.out": b"x\n1\n"}
    assert "a: bytes from 0 on took 2 tries." in exchange.notes


@pytest.mark.parametrize(("told", "payload_mb", "most"), [(8, 1, 8), (3, 1, 3), (8, 50, 2), (0, 1, 1)])
def test_as_many_small_files_are_under_way_as_the_container_says(
    exchange: Exchange, told: int, payload_mb: int, most: int
) -> None:
    exchange.put(**{f"f{n}": b"x\n" for n in range(24)})
    model = Model(parameters=json.dumps({"MaxConcurrentTransforms": told}).encode())
    everybody = threading.Event()

    def answer(body: bytes) -> bytes:
        if model.busy >= most:
            everybody.set()
        everybody.wait(5)
        time.sleep(0.005)
        return body

    model.answer = answer
    with serving(model) as port:
        assert exchange.run(port, header=False, max_payload_mb=payload_mb).ok
    assert model.busiest == most


@pytest.mark.parametrize("held_mb", [2, 64])
def test_an_answer_that_waits_on_disk_comes_out_as_one_that_waits_in_memory(
    exchange: Exchange, held_mb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.runtime.transform.work._HELD_BYTES", held_mb * MB)
    exchange.put(a=b"x\n1\n")
    answer = bytes(range(256)) * 40_000
    with serving(Model(answer=lambda body: answer)) as port:
        assert exchange.run(port).ok
    assert exchange.found()["a.out"] == answer + b"\n"


def test_outputs_that_cannot_be_written_fail_the_job_with_the_reason(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    (exchange.outputs / "a.out").mkdir()
    with serving(Model()) as port:
        outcome = exchange.run(port)
    assert outcome.message == "The transform's files cannot be read or written: Is a directory."
