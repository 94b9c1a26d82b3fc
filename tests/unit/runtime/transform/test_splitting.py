"""What the client sends of a file, by what the server has seen: whole records, within the limit."""

from __future__ import annotations

import pytest

from unit.runtime.transform.conftest import Exchange
from unit.runtime.transform.servers import Model, serving
from whiteroom.runtime.transform.jobs import MB


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
