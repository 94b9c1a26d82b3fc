"""The protocols of CloudWatch, with botocore on the other side: what it writes we read, what we write it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.wire.connection import ACCOUNT, KEY, Operations, application, client
from contract.wire.samples import sample
from contract.wire.values import members
from support.protocols import OF_CLOUDWATCH
from whiteroom.base import faults
from whiteroom.base.callers import Credential
from whiteroom.wire.calls import Call, NotImplementedOperation
from whiteroom.wire.models import Operation, services

OPERATIONS = services()["monitoring"].operations
OTHER_SIDE = Operations()
APPLICATION = application(OTHER_SIDE)
CLIENTS = {protocol: client(APPLICATION, "monitoring", protocol=protocol) for protocol in OF_CLOUDWATCH}
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

in_every_protocol = pytest.mark.parametrize("protocol", OF_CLOUDWATCH)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


def call(protocol: str, operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    OTHER_SIDE.calls.clear()
    answer: dict[str, Any] = getattr(CLIENTS[protocol], operation.snake_name)(**parameters)
    return answer


def refuse(protocol: str, name: str, refusal: Exception) -> ClientError:
    def answer(call: Call) -> Mapping[str, Any]:
        raise refusal

    OTHER_SIDE.answer = answer
    with pytest.raises(ClientError) as caught:
        call(protocol, OPERATIONS[name], sample(OPERATIONS[name].input_shape))
    return caught.value


def as_told(value: Any, *, in_xml: bool) -> Any:
    """What is left of a value on the wire: milliseconds, and in XML the characters that it has."""
    match value:
        case dict():
            return {as_told(key, in_xml=in_xml): as_told(item, in_xml=in_xml) for key, item in value.items()}
        case list():
            return [as_told(item, in_xml=in_xml) for item in value]
        case datetime():
            return value.replace(microsecond=value.microsecond // 1000 * 1000)
        case str():
            return NOT_IN_XML.sub("\ufffd", value) if in_xml else value
    return value


@in_every_protocol
@each_operation
def test_a_request_with_every_member_and_an_answer_with_every_member_are_the_same_in_all(
    protocol: str, operation: Operation
) -> None:
    parameters, output = sample(operation.input_shape), sample(operation.output_shape)
    OTHER_SIDE.answer = lambda call: output
    response = call(protocol, operation, parameters)
    (seen,) = OTHER_SIDE.calls
    assert seen.operation is operation
    assert seen.parameters == parameters
    assert (seen.caller.account_id, seen.caller.region) == (ACCOUNT, "eu-west-1")
    metadata = response.pop("ResponseMetadata")
    assert response == output
    assert (metadata["HTTPStatusCode"], metadata["RequestId"]) == (200, seen.request_id)


@in_every_protocol
@each_operation
@unhurried
@given(data=st.data())
def test_what_botocore_writes_is_read_as_it_was(protocol: str, operation: Operation, data: st.DataObject) -> None:
    assert operation.input_shape is not None
    parameters = data.draw(members(operation.input_shape))
    OTHER_SIDE.answer = lambda call: None
    assert list(call(protocol, operation, parameters)) == ["ResponseMetadata"]
    assert OTHER_SIDE.calls[0].parameters == parameters


@in_every_protocol
@each_operation
@unhurried
@given(data=st.data())
def test_what_is_written_is_read_by_botocore_as_it_was(
    protocol: str, operation: Operation, data: st.DataObject
) -> None:
    assert operation.output_shape is not None
    output = as_told(data.draw(members(operation.output_shape)), in_xml=False)
    OTHER_SIDE.answer = lambda call: output
    response = call(protocol, operation, sample(operation.input_shape))
    del response["ResponseMetadata"]
    assert response == as_told(output, in_xml=protocol == "query")


@in_every_protocol
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("plain", "plain"),
        ("", ""),
        (" two  spaces ", " two  spaces "),
        ("a\tb\nc\rd\r\ne", "a\tb\nc\rd\r\ne"),
        ("<Metrics>&amp;]]>\"'", "<Metrics>&amp;]]>\"'"),
        ("größe \u2028 \x85 😀", "größe \u2028 \x85 😀"),
        ("\x00\x1b[31m\x7f\ufffe\uffff", "\ufffd\ufffd[31m\x7f\ufffd\ufffd"),
    ],
)
def test_a_name_arrives_as_it_is_but_for_what_xml_cannot_carry(protocol: str, name: str, told: str) -> None:
    OTHER_SIDE.answer = lambda call: {"Metrics": [{"MetricName": name}], "NextToken": name}
    answer = call(protocol, OPERATIONS["ListMetrics"], {})
    expected = told if protocol == "query" else name
    assert (answer["Metrics"], answer["NextToken"]) == ([{"MetricName": expected}], expected)


@pytest.mark.parametrize("protocol", ["query", "smithy-rpc-v2-cbor"])
def test_numbers_that_json_does_not_have_arrive(protocol: str) -> None:
    numbers = [float("inf"), float("-inf"), float("nan"), 0.1, 5e-324, 3, -0.0]
    OTHER_SIDE.answer = lambda call: {"MetricDataResults": [{"Id": "a", "Values": numbers}]}
    answer = call(protocol, OPERATIONS["GetMetricData"], sample(OPERATIONS["GetMetricData"].input_shape))
    assert [repr(value) for value in answer["MetricDataResults"][0]["Values"]] == [
        repr(float(number)) for number in numbers
    ]


@in_every_protocol
@each_operation
def test_what_is_none_or_not_of_the_model_stays_behind_at_every_depth(protocol: str, operation: Operation) -> None:
    output = {
        "NextToken": None,
        "Secret": "x",
        "Metrics": [None, {"MetricName": "loss", "Secret": "x", "Namespace": None}],
        "Label": None,
        "Datapoints": [{"Unit": None, "ExtendedStatistics": {"p1": None, "p9": 1.0}}],
        "MetricDataResults": [{"Id": "a", "Label": None, "Values": [None, 1.0]}],
    }
    expected = {
        "ListMetrics": {"Metrics": [{"MetricName": "loss"}]},
        "GetMetricStatistics": {"Datapoints": [{"ExtendedStatistics": {"p9": 1.0}}]},
        "GetMetricData": {"MetricDataResults": [{"Id": "a", "Values": [1.0]}]},
    }
    OTHER_SIDE.answer = lambda call: output
    answer = call(protocol, operation, sample(operation.input_shape))
    del answer["ResponseMetadata"]
    assert answer == expected[operation.name]


@in_every_protocol
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("GetMetricStatistics", "InvalidParameterValue"),
        ("ListMetrics", "InvalidParameterValue"),
        ("GetMetricData", "ValidationError"),
    ],
)
@pytest.mark.parametrize("fault", [faults.ValidationFault("Wrong <&> \x1b."), faults.AccessDenied("Not yours.")])
def test_a_refusal_has_the_same_name_in_every_protocol(
    protocol: str, fault: faults.Fault, name: str, code: str
) -> None:
    error = refuse(protocol, name, fault)
    answered: Any = error.response
    told, metadata = answered["Error"], answered["ResponseMetadata"]
    message = as_told(fault.message, in_xml=protocol == "query")
    assert (told["Code"], told["Message"], told["Type"]) == (code, message, "Sender")
    assert (metadata["HTTPStatusCode"], bool(metadata["RequestId"])) == (400, True)
    if code == "InvalidParameterValue":
        assert isinstance(error, CLIENTS[protocol].exceptions.InvalidParameterValueException)


@pytest.mark.parametrize(
    ("protocol", "code"),
    [("json", "ThrottlingException"), ("smithy-rpc-v2-cbor", "ThrottlingException"), ("query", "Throttling")],
)
def test_a_client_that_asks_too_often_is_told_so_in_the_protocols_own_name(protocol: str, code: str) -> None:
    answered: Any = refuse(protocol, "GetMetricData", faults.Throttled("Slow down.")).response
    assert (answered["Error"]["Code"], answered["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)


@in_every_protocol
def test_an_unexpected_failure_tells_its_request_id_and_nothing_else(protocol: str) -> None:
    error = refuse(protocol, "ListMetrics", RuntimeError("swordfish"))
    answered: Any = error.response
    told, metadata = answered["Error"], answered["ResponseMetadata"]
    assert (told["Code"], told["Type"], metadata["HTTPStatusCode"]) == ("InternalServiceError", "Receiver", 500)
    assert "swordfish" not in str(error.response)
    assert metadata["RequestId"] in told["Message"]


@in_every_protocol
def test_what_is_not_implemented_is_named(protocol: str) -> None:
    with pytest.raises(ClientError, match="monitoring:ListDashboards") as caught:
        CLIENTS[protocol].list_dashboards()
    unhandled = refuse(protocol, "ListMetrics", NotImplementedOperation())
    for error in (caught.value, unhandled):
        assert error.response["Error"]["Code"] == "NotImplementedException"
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@in_every_protocol
def test_constraints_are_the_same_in_every_protocol(protocol: str) -> None:
    with pytest.raises(ClientError) as caught:
        CLIENTS[protocol].list_metrics(MetricName="m" * 256, RecentlyActive="PT4H", Dimensions=[{"Name": "n"}] * 11)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    message = caught.value.response["Error"]["Message"]
    assert message.startswith("3 validation errors detected: ")
    assert "'MetricName' failed to satisfy constraint: Member must have length less than or equal to 255" in message
    assert "Value 'PT4H' at 'RecentlyActive'" in message
    assert "'Dimensions' failed to satisfy constraint: Member must have length less than or equal to 10" in message


@pytest.mark.parametrize(
    ("protocol", "unknown", "wrong"),
    [
        ("json", "UnrecognizedClientException", "InvalidSignatureException"),
        ("smithy-rpc-v2-cbor", "UnrecognizedClientException", "InvalidSignatureException"),
        ("query", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_signature_is_refused_in_the_protocols_own_names(protocol: str, unknown: str, wrong: str) -> None:
    told = []
    for key in (Credential("AKIDOTHER", "x", ""), Credential(KEY.access_key_id, "x", "")):
        with pytest.raises(ClientError) as caught:
            client(APPLICATION, "monitoring", key, protocol).list_metrics()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        told.append(caught.value.response["Error"]["Code"])
    assert told == [unknown, wrong]
