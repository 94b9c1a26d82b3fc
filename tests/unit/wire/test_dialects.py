"""What the dialects write, to the byte: clients other than botocore read it too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest

from whiteroom.wire.dialects.choice import Dialects
from whiteroom.wire.faults import Refusal
from whiteroom.wire.models import Operation, services
from whiteroom.wire.requests import Request
from whiteroom.wire.responses import Response

MONITORING = services()["monitoring"]
DIALECTS = Dialects({})
QUERY = DIALECTS.of(Request("POST", "/", (), {}, b""), MONITORING)
CBOR = DIALECTS.of(Request("POST", "/service/x", (), {}, b""), MONITORING)
JSON = DIALECTS.of(Request("POST", "/", (), {b"x-amz-target": b""}, b""), MONITORING)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REFUSAL = Refusal(400, "InvalidParameterValueException", {"message": "Wrong."})


def statistics(moment: datetime) -> tuple[Operation, dict[str, Any]]:
    point = {"Timestamp": moment, "Sum": 3, "ExtendedStatistics": {"p<99": 0.5}}
    return MONITORING.operations["GetMetricStatistics"], {"Label": "a&b", "Datapoints": [point]}


def test_an_answer_in_xml_has_its_wrapper_and_the_request_id() -> None:
    answer = QUERY.answer(*statistics(NOON), "the-id")
    assert answer == Response(
        200,
        b'<GetMetricStatisticsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/">'
        b"<GetMetricStatisticsResult><Label>a&amp;b</Label><Datapoints><member>"
        b"<Timestamp>2026-01-01T12:00:00Z</Timestamp><Sum>3.0</Sum>"
        b"<ExtendedStatistics><entry><key>p&lt;99</key><value>0.5</value></entry></ExtendedStatistics>"
        b"</member></Datapoints></GetMetricStatisticsResult>"
        b"<ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></GetMetricStatisticsResponse>",
        b"text/xml",
    )


def test_a_refusal_in_xml_has_the_older_name() -> None:
    answer = QUERY.refuse(REFUSAL, MONITORING, "the-id")
    assert answer == Response(
        400,
        b'<ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error><Type>Sender</Type>'
        b"<Code>InvalidParameterValue</Code><Message>Wrong.</Message></Error><RequestId>the-id</RequestId>"
        b"</ErrorResponse>",
        b"text/xml",
    )


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [(0, "12:00:00Z"), (999, "12:00:00Z"), (1_000, "12:00:00.001Z"), (500_000, "12:00:00.500Z")],
)
def test_a_whole_second_in_xml_has_no_fraction_which_r_could_not_read(microsecond: int, text: str) -> None:
    answer = QUERY.answer(*statistics(NOON.replace(microsecond=microsecond)), "the-id")
    assert f"<Timestamp>2026-01-01T{text}</Timestamp>".encode() in answer.body


def test_an_answer_in_cbor_has_times_in_tag_1_and_doubles_for_doubles() -> None:
    answer = CBOR.answer(*statistics(NOON), "the-id")
    assert (answer.content_type, answer.headers) == (b"application/cbor", ((b"smithy-protocol", b"rpc-v2-cbor"),))
    assert b"\x69Timestamp\xc1\xfb" in answer.body
    assert b"\x63Sum\xfb\x40\x08\x00\x00\x00\x00\x00\x00" in answer.body
    assert cbor2.loads(answer.body)["Datapoints"][0]["Timestamp"] == NOON


def test_a_refusal_in_cbor_has_its_full_name_and_the_older_one_in_a_header() -> None:
    answer = CBOR.refuse(REFUSAL, MONITORING, "the-id")
    assert cbor2.loads(answer.body) == {
        "__type": "com.amazonaws.cloudwatch#InvalidParameterValueException",
        "message": "Wrong.",
    }
    assert (answer.status, answer.query_error) == (400, "InvalidParameterValue;Sender")
    assert answer.headers == ((b"smithy-protocol", b"rpc-v2-cbor"),)


def test_a_refusal_in_json_has_its_name_in_the_body_and_the_older_one_in_a_header() -> None:
    answer = JSON.refuse(REFUSAL, MONITORING, "the-id")
    assert answer.body == b'{"__type":"InvalidParameterValueException","message":"Wrong."}'
    assert (answer.query_error, answer.content_type) == ("InvalidParameterValue;Sender", b"application/x-amz-json-1.0")


def test_a_refusal_of_a_service_that_is_not_known_is_written_too() -> None:
    for dialect in (QUERY, CBOR, JSON):
        assert b"Wrong." in dialect.refuse(REFUSAL, None, "the-id").body
