"""Whatever bytes come as CBOR, the answer is a refusal in CBOR, soon and in little memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import cbor2
import pytest
from botocore.parsers import create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.wire.connection import Answer, Operations, application, ask
from contract.wire.samples import sample
from contract.wire.test_hostile_requests import authorized, with_one_value_replaced
from support.effort import effort_under
from whiteroom.wire.dialects.cbor import MAX_BODY_BYTES, decode_cbor
from whiteroom.wire.models import Operation, services
from whiteroom.wire.protocol import ProtocolFault

OPERATIONS = services()["monitoring"].operations
APPLICATION = application(Operations(), dev=True)
SERVICE = "/service/GraniteServiceVersion20100801"
MEBIBYTE = 1024 * 1024
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def post(body: bytes, name: str = "ListMetrics", path: str = f"{SERVICE}/operation", **headers: str) -> Answer:
    fields = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    fields |= {key.replace("_", "-"): value for key, value in headers.items()}
    return ask(APPLICATION, "POST", f"{path}/{name}", [*authorized("monitoring"), *fields.items()], body)


def told(answer: Answer) -> dict[str, Any]:
    """What botocore makes of a refusal."""
    shape: Any = OPERATIONS["ListMetrics"].output_shape
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    error: dict[str, Any] = create_parser("smithy-rpc-v2-cbor").parse(response, shape)["Error"]
    return error


def refused_well(answer: Answer) -> bool:
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert answer.headers["content-type"] == "application/cbor"
    return answer.status == 200 or (
        answer.status in {*range(400, 500), 501} and all(map(told(answer).get, ("Code", "Message")))
    )


def named(value: bytes) -> bytes:
    """A request with `value`, already in CBOR, as its MetricName."""
    return b"\xa1\x6aMetricName" + value


def statistics(**members: bytes) -> bytes:
    """A request with members that are CBOR already."""
    given = b"".join(cbor2.dumps(name) + value for name, value in members.items())
    return bytes([0xA0 + len(members)]) + given


HOSTILE = {
    "JSON": (b'{"MetricName": "loss"}', "end of stream"),
    "a break alone": (b"\xff", "not CBOR"),
    "a reserved length": (b"\x1c", "not CBOR"),
    "arrays in each other": (b"\x81" * 100_000, "depth"),
    "maps in each other": (b"\xa1\x61a" * 100_000, "depth"),
    "maps as keys": (b"\xa1" * 100_000, "depth"),
    "arrays without length in each other": (b"\x9f" * 100_000, "depth"),
    "tags in each other": (b"\xc1" * 100_000, "depth"),
    "strings without length in each other": (b"\x7f" * 100_000, "not CBOR"),
    "the longest array": (b"\x9b" + b"\xff" * 8, "end of stream"),
    "the longest map": (b"\xbb" + b"\xff" * 8, "end of stream"),
    "the longest text": (b"\x7b" + b"\x7f" * 8, "end of stream"),
    "the longest bytes": (b"\x5b" + b"\x7f" * 8, "end of stream"),
    "gigabytes of array": (b"\x9a\xff\xff\xff\xff", "end of stream"),
    "gigabytes of text": (b"\x7a\xff\xff\xff\xff", "end of stream"),
    "an array without an end": (b"\x9f\x01", "end of stream"),
    "a text without an end": (named(b"\x7f\x61a"), "end of stream"),
    "a text of bytes": (named(b"\x7f\x41a\xff"), "not CBOR"),
    "no UTF-8": (named(b"\x61\xff"), "not CBOR"),
    "a surrogate": (named(b"\x63\xed\xa0\x80"), "not CBOR"),
    "a key twice": (b"\xa2\x61a\x01\x61a\x02", "Duplicate map key"),
    "a key of an endless text twice": (b"\xa2" + (b"\x79\x40\x00" + b"k" * 0x4000 + b"\x01") * 2, "Duplicate map key"),
    "a number as a key": (b"\xa1\x01\x02", "map key must be"),
    "null as a key": (b"\xa1\xf6\x02", "map key must be"),
    "a time as a key": (b"\xa1\xc1\x01\x02", "not CBOR"),
    "more than one value": (b"\xa0\xa0", "more than one value"),
    "a byte after the value": (b"\xa0\x00", "more than one value"),
    "an array": (b"\x80", "ARRAY_VALUE at the top level"),
    "null": (b"\xf6", "NULL_VALUE at the top level"),
    "undefined": (b"\xf7", "OTHER_VALUE at the top level"),
    "a value without a name": (named(b"\xf8\xff"), "OTHER_VALUE at 'MetricName'"),
    "bytes for text": (named(b"\x41a"), "BINARY_VALUE at 'MetricName'"),
    "a time for text": (named(b"\xc1\x01"), "TIMESTAMP_VALUE at 'MetricName'"),
    "a shared value": (named(b"\xd8\x1c\x61a"), "CBOR tag 28"),
    "a value that holds itself": (b"\xa1\x6aDimensions\xd8\x1c\x81\xd8\x1d\x00", "CBOR tag 29"),
    "a reference to nothing": (named(b"\xd8\x1d\x00"), "CBOR tag 29"),
    "a string reference": (named(b"\xd9\x01\x00\x61a"), "CBOR tag 256"),
    "a date as text": (named(b"\xc0\x74" + b"2026-01-01T00:00:00Z"), "CBOR tag 0"),
    "a big number": (named(b"\xc2\x49" + b"\xff" * 9), "CBOR tag 2"),
    "a big negative number": (named(b"\xc3\x49" + b"\xff" * 9), "CBOR tag 3"),
    "a megabyte of number": (named(b"\xc2\x5a\x00\x0f\x00\x00" + b"\xff" * 0xF0000), "CBOR tag 2"),
    "a decimal of a billion digits": (named(b"\xc4\x82\x1a\x3b\x9a\xca\x00\x01"), "CBOR tag 4"),
    "a bigfloat of a billion digits": (named(b"\xc5\x82\x1a\x3b\x9a\xca\x00\x01"), "CBOR tag 5"),
    "a fraction over nothing": (named(b"\xd8\x1e\x82\x01\x00"), "CBOR tag 30"),
    "a regular expression": (named(b"\xd8\x23\x66(a+)+b"), "CBOR tag 35"),
    "a MIME message": (named(b"\xd8\x24\x61a"), "CBOR tag 36"),
    "a set": (named(b"\xd9\x01\x02\x80"), "CBOR tag 258"),
    "CBOR's own mark": (b"\xd9\xd9\xf7\xa0", "CBOR tag 55799"),
    "a tag nobody knows": (named(b"\xdb" + b"\xff" * 8 + b"\x01"), "CBOR tag 18446744073709551615"),
    "a tag for what is left out": (b"\xa1\x61x\xd8\x1d\x00", "CBOR tag 29"),
    "a tag without a value": (b"\xc1", "end of stream"),
}


@pytest.mark.parametrize(("body", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_it_is_refused_and_the_refusal_says_why(body: bytes, why: str) -> None:
    answer = post(body)
    assert (answer.status, refused_well(answer)) == (400, True)
    error = told(answer)
    assert (error["Code"], error["Type"]) == ("SerializationException", "Sender")
    assert why in error["Message"]
    assert len(answer.body) < 2_000


NOON = b"\xc1\x1a\x69\xa0\x00\x00"
PERIODS = {
    "nothing": (b"\xf6", "must not be null"),
    "beyond 32 bits": (b"\x1b" + b"\x7f" * 8, "is not between"),
    "the largest of 64 bits": (b"\x1b" + b"\xff" * 8, "is not between"),
    "the smallest of 64 bits": (b"\x3b" + b"\xff" * 8, "is not between"),
    "not a number": (b"\xf9\x7e\x00", "DECIMAL_VALUE at 'Period'"),
    "infinite": (b"\xf9\x7c\x00", "DECIMAL_VALUE at 'Period'"),
    "broken": (b"\xf9\x3e\x00", "DECIMAL_VALUE at 'Period'"),
    "true": (b"\xf5", "BOOLEAN_VALUE at 'Period'"),
    "text": (b"\x6260", "STRING_VALUE at 'Period'"),
    "a time": (b"\xc1\x18\x3c", "TIMESTAMP_VALUE at 'Period'"),
    "zero": (b"\x00", "greater than or equal to 1"),
}
TIMES = {
    "not a number": (b"\xc1\xf9\x7e\x00", "not a time"),
    "infinite": (b"\xc1\xf9\x7c\x00", "not a time"),
    "after the last year": (b"\xc1\x1b" + b"\x7f" * 8, "not a time"),
    "before the first year": (b"\xc1\x3b" + b"\x7f" * 8, "not a time"),
    "the largest of doubles": (b"\xc1\xfb\x7f\xef" + b"\xff" * 6, "not a time"),
    "text in a tag": (b"\xc1\x61a", "number of seconds"),
    "true in a tag": (b"\xc1\xf5", "number of seconds"),
    "a time in a tag": (b"\xc1" + NOON, "number of seconds"),
    "text": (b"\x61a", "not a time"),
    "true": (b"\xf5", "BOOLEAN_VALUE at 'StartTime'"),
}


@pytest.mark.parametrize(("period", "why"), PERIODS.values(), ids=PERIODS.keys())
def test_what_is_no_whole_number_in_bounds_is_refused(period: bytes, why: str) -> None:
    name = cbor2.dumps("n")
    body = statistics(Namespace=name, MetricName=name, StartTime=NOON, EndTime=NOON, Period=period)
    answer = post(body, "GetMetricStatistics")
    assert (answer.status, refused_well(answer)) == (400, True)
    assert why in told(answer)["Message"]


@pytest.mark.parametrize(("moment", "why"), TIMES.values(), ids=TIMES.keys())
def test_what_is_no_time_is_refused(moment: bytes, why: str) -> None:
    name = cbor2.dumps("n")
    body = statistics(Namespace=name, MetricName=name, StartTime=moment, EndTime=NOON, Period=b"\x18\x3c")
    answer = post(body, "GetMetricStatistics")
    assert (answer.status, refused_well(answer)) == (400, True)
    assert why in told(answer)["Message"]


@pytest.mark.parametrize(
    "body",
    [b"", b"\xa0", b"\xbf\xff", b"\xbf\x6aMetricName\x7f\x61a\x61b\xff\xff", named(b"\xf6"), b"\xa1\x41x\x01"],
    ids=["nothing", "empty", "without length", "text in pieces", "null", "an unknown key of bytes"],
)
def test_other_ways_to_write_a_request_are_read(body: bytes) -> None:
    assert post(body).status == 200


def test_a_body_may_leave_out_its_header_and_its_type() -> None:
    answer = ask(APPLICATION, "POST", f"{SERVICE}/operation/ListMetrics", authorized("monitoring"), b"\xa0")
    assert (answer.status, answer.headers["smithy-protocol"]) == (200, "rpc-v2-cbor")


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (post(b"\xa0", "NoSuch"), 404, "UnknownOperationException"),
        (post(b"\xa0", "PutMetricData"), 501, "NotImplementedException"),
        (post(b"\xa0", path="/service/Other/operation"), 404, "UnknownOperationException"),
        (post(b"\xa0", path="/service"), 404, "UnknownOperationException"),
        (post(b"\xa0", "x" * 100_000), 404, "UnknownOperationException"),
        (post(b"\xa0", smithy_protocol="rpc-v2-json"), 404, "UnknownOperationException"),
        (post(b"{}", content_type="application/json"), 415, "UnsupportedMediaTypeException"),
        (post(b"\xa0" * (MAX_BODY_BYTES + 1)), 413, "RequestEntityTooLargeException"),
        (post(b"", content_length="9" * 9), 413, "RequestEntityTooLargeException"),
        (post(b"\x1f\x8b", content_encoding="gzip"), 415, "UnsupportedMediaTypeException"),
        (ask(APPLICATION, "POST", f"{SERVICE}/operation/ListMetrics"), 403, "MissingAuthenticationTokenException"),
    ],
)
def test_every_refusal_is_in_cbor(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, refused_well(answer), told(answer)["Code"]) == (status, True, code)
    assert cbor2.loads(answer.body)["__type"] == f"com.amazonaws.cloudwatch#{code}"
    assert len(answer.body) < 2_000


@pytest.mark.parametrize(
    "filler",
    [b"\x80", b"\xa0", b"\xf6", b"\x60", b"\xa1\x61a\x80", b"\x81\x80"],
    ids=["arrays", "maps", "nulls", "texts", "maps of arrays", "arrays of arrays"],
)
@pytest.mark.parametrize("name", ["MetricDataQueries", "Unknown"])
def test_a_mebibyte_of_small_values_takes_seconds_and_megabytes(name: str, filler: bytes) -> None:
    head = b"\xa1" + cbor2.dumps(name) + b"\x9f"
    body = head + filler * ((MAX_BODY_BYTES - len(head) - 2) // len(filler)) + b"\xff"
    with effort_under(5):
        answer = post(body, "GetMetricData")
    assert (answer.status, refused_well(answer)) == (400, True)
    assert len(answer.body) < 20_000


def test_the_memory_that_a_body_takes_is_bounded() -> None:
    body = b"\x9a\x00\x0f\xff\xfb" + b"\xa0" * 0xFFFFB
    assert len(body) == MAX_BODY_BYTES
    tracemalloc.start()
    try:
        assert len(decode_cbor(body)) == 0xFFFFB
        assert tracemalloc.get_traced_memory()[1] < 150 * MEBIBYTE
        tracemalloc.reset_peak()
        for huge in (b"\x9b" + b"\x7f" * 8, b"\xbb" + b"\x7f" * 8, b"\x7b\x00" + b"\x7f" * 7, b"\x5a\xff\xff\xff\xff"):
            with pytest.raises(ProtocolFault):
                decode_cbor(huge)
        assert tracemalloc.get_traced_memory()[1] < 2 * MEBIBYTE
    finally:
        tracemalloc.stop()


@unhurried
@given(body=st.binary(max_size=200) | st.binary(max_size=40).map(named))
def test_any_body_is_answered(body: bytes) -> None:
    assert refused_well(post(body))


CBOR = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=10)
    | st.datetimes().map(lambda moment: cbor2.CBORTag(1, moment.second)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10), inner, max_size=4)
        | st.builds(cbor2.CBORTag, st.integers(0, 40), inner)
    ),
    max_leaves=12,
)


@unhurried
@given(operation=st.sampled_from(list(OPERATIONS.values())), replacement=CBOR, data=st.data())
def test_any_value_anywhere_in_any_operations_body_is_answered(
    operation: Operation, replacement: Any, data: st.DataObject
) -> None:
    mutated = with_one_value_replaced(sample(operation.input_shape), replacement, data)
    assert refused_well(post(cbor2.dumps(mutated, datetime_as_timestamp=True), operation.name))
