"""The batch transform client against real servers on loopback, friendly and hostile."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import whiteroom
from whiteroom.runtime.transform.client import run_transform
from whiteroom.runtime.transform.jobs import MB, TransformJob, TransformOutcome


@dataclass
class Model:
    """What the server does, and what it saw."""

    answer: Callable[[bytes], bytes] = lambda body: body
    status: Callable[[bytes], int] = lambda body: 200
    parameters: bytes | None = None
    pings_refused: int = 0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    busiest: int = 0
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(model: Model) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with model.lock:
                model.connections += 1

        def do_GET(self) -> None:
            if self.path == "/ping":
                with model.lock:
                    model.pings_refused -= 1
                    refused = model.pings_refused >= 0
                self.reply(503 if refused else 200, b"")
            elif model.parameters is not None:
                self.reply(200, model.parameters)
            else:
                self.reply(404, b"no")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with model.lock:
                model.bodies.append(body)
                model.headers.append(dict(self.headers))
                model.busy += 1
                model.busiest = max(model.busiest, model.busy)
            status, answer = model.status(body), model.answer(body)
            with model.lock:
                model.busy -= 1
            self.reply(status, answer)

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(invocation: Callable[[socket.socket], None], *, reads: bool = True) -> Iterator[int]:
    """A server that answers GET like any other, and POST with whatever `invocation` does to the socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()

    def talk(peer: socket.socket) -> None:
        with peer:
            while request := _request(peer, reads=reads):
                if request.startswith(b"POST"):
                    with suppress(OSError):
                        invocation(peer)
                    return
                status = b"200 OK" if b"/ping" in request else b"404 No"
                peer.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    def accept() -> None:
        talks = []
        while not closing.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                break
            talks.append(threading.Thread(target=talk, args=(peer,)))
            talks[-1].start()
        for each in talks:
            each.join()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _request(peer: socket.socket, *, reads: bool = True) -> bytes:
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            piece = peer.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
        while reads and len(body) < length:
            body += peer.recv(min(length - len(body), MB))
    except OSError:
        return b""
    return data


class Exchange:
    """A job's folders, and one call to put them through a server."""

    def __init__(self, root: Path) -> None:
        self.inputs = root / "in"
        self.outputs = root / "out"
        self.inputs.mkdir()
        self.outputs.mkdir()
        self.notes: list[str] = []
        self.alive: Callable[[], bool] = lambda: True
        self.stopping: Callable[[], bool] = lambda: False
        self.job = TransformJob(self.inputs, self.outputs, "text/csv", True, None, 1, 5, response_timeout_seconds=5)

    def put(self, **files: bytes) -> None:
        for name, data in files.items():
            (self.inputs / name).write_bytes(data)

    def run(self, port: int, **changes: object) -> TransformOutcome:
        return run_transform(
            replace(self.job, port=port, **changes),  # type: ignore[arg-type]
            alive=self.alive,
            stopping=self.stopping,
            note=self.notes.append,
        )

    def found(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.outputs.iterdir()}


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(tmp_path)


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


def test_payloads_are_whole_records_within_the_limit_and_the_header_is_sent_once(exchange: Exchange) -> None:
    rows = b"".join(b'%d,"a\nb ""q"" %s"\r\n' % (n, b"z" * (n % 700)) for n in range(9000))
    exchange.put(a=b"id,text\r\n" + rows)
    model = Model(answer=lambda body: b"")
    with serving(model) as port:
        assert exchange.run(port).ok
    assert b"".join(model.bodies) == b"id,text\r\n" + rows
    assert len(model.bodies) == -(-len(rows) // MB)
    assert all(len(body) <= MB and body.endswith(b'"\r\n') for body in model.bodies)
    assert [body.count(b"id,text") for body in model.bodies] == [1] + [0] * (len(model.bodies) - 1)
    assert model.connections <= 2


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


@pytest.mark.parametrize("data", [b"", b"x,y\n", b"\xef\xbb\xbfx,y\r\n", b"x,y", b"\n\n", b'"x\ny",z\n'])
def test_a_file_without_records_gives_an_empty_output_and_no_request(exchange: Exchange, data: bytes) -> None:
    exchange.put(a=data)
    model = Model()
    with serving(model) as port:
        assert exchange.run(port).ok
    assert exchange.found() == {"a.out": b""}
    assert model.bodies == []


def test_a_file_without_a_line_feed_at_its_end_is_sent_as_it_is(exchange: Exchange) -> None:
    exchange.put(a=b"\xef\xbb\xbfx,y\r\n1,2")
    model = Model()
    with serving(model) as port:
        exchange.run(port)
    assert model.bodies == [b"\xef\xbb\xbfx,y\r\n1,2"]


def test_a_record_larger_than_a_payload_fails_its_file_with_the_byte_range(exchange: Exchange) -> None:
    exchange.put(a=b'x\n1\n"' + b"\n" * MB + b'"\n2\n', b=b"x\n3\n")
    with serving(Model()) as port:
        outcome = exchange.run(port)
    assert not outcome.ok
    assert outcome.files_failed == ("a",)
    assert outcome.message.startswith("1 of 2 files failed: a, bytes 4-")
    assert exchange.found() == {"b.out": b"x\n3\n"}


def test_parquet_is_sent_whole_and_its_answer_kept_byte_for_byte(exchange: Exchange) -> None:
    data = b"PAR1\n\n" + bytes(range(256)) * 4096
    exchange.put(a=data[: MB - 1])
    model = Model(answer=lambda body: b"\x00no line")
    with serving(model) as port:
        assert exchange.run(port, content_type="application/x-parquet").ok
    assert model.bodies == [data[: MB - 1]]
    assert exchange.found() == {"a.out": b"\x00no line"}


def test_a_parquet_file_over_the_limit_fails_by_name(exchange: Exchange) -> None:
    exchange.put(a=b"P" * (MB + 1))
    model = Model()
    with serving(model) as port:
        outcome = exchange.run(port, content_type="application/x-parquet")
    assert (outcome.ok, model.bodies) == (False, [])
    assert "a, bytes 0-1048576: the file is sent whole and is larger than" in outcome.message


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


def test_a_server_that_sends_head_and_body_apart_is_not_made_to_wait_for_an_acknowledgement(exchange: Exchange) -> None:
    exchange.put(**{f"f{n:02}": b"x\n" for n in range(40)})
    started = time.monotonic()
    with serving(Model()) as port:
        assert exchange.run(port, header=False).ok
    assert time.monotonic() - started < 40 * 0.04, "each answer waited for the delayed acknowledgement"


def test_a_redirect_is_not_followed(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    model = Model(status=lambda body: 307)
    with serving(model) as port:
        assert "HTTP status 307" in exchange.run(port).message
    assert len(model.bodies) == 1


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
    assert took < 2
    assert exchange.found() == {"a.out": b"x\n1\n"}


def _deaf(peer: socket.socket) -> None:
    time.sleep(1.5)


@pytest.mark.parametrize("behaviour", ["drip", "deaf"])
def test_a_stop_is_heeded_however_the_server_spends_the_time(exchange: Exchange, behaviour: str) -> None:
    exchange.put(a=b"x" * 20 * MB)
    stop = threading.Event()
    exchange.stopping = stop.is_set
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    # The one answers byte by byte for ever, the other does not even read what it is sent.
    with answering(_drip if behaviour == "drip" else _deaf, reads=behaviour == "drip") as port:
        started = time.monotonic()
        outcome = exchange.run(port, header=False, max_payload_mb=20, response_timeout_seconds=60)
        took = time.monotonic() - started
    timer.join()
    assert outcome.message == "The transform was stopped."
    assert took < 1.4


def _nothing(peer: socket.socket) -> None:
    while peer.recv(4096):
        pass


def _drip(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        peer.sendall(b".")
        time.sleep(0.02)


def _for_ever(head: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def invocation(peer: socket.socket) -> None:
        peer.sendall(head)
        while True:
            peer.sendall(piece)

    return invocation


def _once(answer: bytes) -> Callable[[socket.socket], None]:
    return lambda peer: peer.sendall(answer)


HOSTILE: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "nothing": (_nothing, "no whole answer came within the time allowed (4 tries)"),
    "drip": (_drip, "no whole answer came within the time allowed (4 tries)"),
    "close": (lambda peer: None, "closed before an answer came (4 tries)"),
    "half": (_once(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "not a whole HTTP answer (4 tries)"),
    "half chunked": (
        _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf"),
        "not a whole HTTP answer (4 tries)",
    ),
    "no last chunk": (
        _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        "not a whole HTTP answer (4 tries)",
    ),
    "garbage chunk": (
        _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhalf\r\n"),
        "not a whole HTTP answer (4 tries)",
    ),
    "garbage": (_once(b"\x00\xff\r\n\r\n" * 10), "not a whole HTTP answer (4 tries)"),
    "informational flood": (_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "beyond what is taken"),
    "header flood": (_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n"), "not a whole HTTP answer"),
    "one long header": (_for_ever(b"HTTP/1.1 200 OK\r\nX:", b"x" * 4096), "not a whole HTTP answer"),
    "body for ever": (_for_ever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), "larger than the 3,145,728 bytes"),
    "chunks for ever": (
        _for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"x" * 0x4000 + b"\r\n"),
        "larger than the 3,145,728 bytes",
    ),
    "chunk extensions for ever": (
        _for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"e" * 4000 + b"\r\nx\r\n"),
        "beyond what is taken",
    ),
    "switching protocols": (_once(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "HTTP status 101"),
    "refused with a flood": (_for_ever(b"HTTP/1.1 400 Bad\r\n\r\n", b"x" * 65536), "HTTP status 400"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_fails_its_file_in_a_bounded_time(
    exchange: Exchange, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.runtime.transform.work.MAX_ANSWER_BYTES", 3 * MB)
    exchange.put(a=b"x\nsecret\n")
    invocation, reason = HOSTILE[name]
    started = time.monotonic()
    with answering(invocation) as port:
        outcome = exchange.run(port, response_timeout_seconds=0.4)
    assert time.monotonic() - started < 4
    assert reason in outcome.message
    assert "secret" not in outcome.message
    assert exchange.found() == {}


def test_an_answer_without_a_length_ends_with_the_connection(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    with answering(_once(b"HTTP/1.0 200 OK\r\n\r\nyes")) as port:
        assert exchange.run(port).ok
    assert exchange.found() == {"a.out": b"yes\n"}


def test_an_early_refusal_of_a_large_payload_is_reported_as_such(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with answering(_once(refusal)) as port:
        assert "HTTP status 413" in exchange.run(port).message


def test_a_connection_that_the_server_closes_after_each_answer_is_opened_again(exchange: Exchange) -> None:
    exchange.put(**dict.fromkeys("abcdef", b"x\n1\n"))
    with answering(_once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as port:
        outcome = exchange.run(port)
    assert outcome.ok
    assert len(outcome.files_written) == 6


def test_an_accept_header_that_cannot_be_sent_fails_without_a_traceback(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    with serving(Model()) as port:
        assert not exchange.run(port, accept="a\r\nX: y").ok


def test_outputs_that_cannot_be_written_fail_the_job_with_the_reason(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    (exchange.outputs / "a.out").mkdir()
    with serving(Model()) as port:
        outcome = exchange.run(port)
    assert outcome.message == "The transform's files cannot be read or written: Is a directory."


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
