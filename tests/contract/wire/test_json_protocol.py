"""The JSON protocol (`logs`, and `monitoring` by its older version), with botocore on the other side."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.wire.connection import KEY, Operations, application, ask, client
from contract.wire.test_errors import provoke, refusing
from contract.wire.test_hostile_requests import authorized
from whiteroom.base import faults
from whiteroom.base.callers import Credential

DEV = application(Operations(), dev=True)
GROUP = {"logGroupName": "/aws/cleanroomsml/TrainedModels"}


def post(target: str | None, body: bytes = b"{}", method: str = "POST", path: str = "/") -> Any:
    headers = [*authorized("logs"), ("content-type", "application/x-amz-json-1.1")]
    if target is not None:
        headers.append(("X-Amz-Target", target))
    return ask(DEV, method, path, headers, body)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (faults.ValidationFault("No such pattern."), "InvalidParameterException"),
        (faults.ResourceNotFound("No such group."), "ResourceNotFoundException"),
        (faults.AccessDenied("Not yours."), "ResourceNotFoundException"),
        (faults.Throttled("Slow down."), "ThrottlingException"),
    ],
)
def test_a_fault_arrives_as_the_service_names_it(fault: faults.Fault, code: str) -> None:
    error, caller = provoke(refusing(fault), "logs", "FilterLogEvents", GROUP)
    assert isinstance(error, getattr(caller.exceptions, code))
    assert error.response["Error"] == {"Code": code, "Message": fault.message}
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_every_broken_constraint_is_named() -> None:
    answer = post("Logs_20140328.GetLogEvents", json.dumps({"limit": 0, "startTime": -1}).encode())
    body = json.loads(answer.body)
    assert (answer.status, body["__type"]) == (400, "InvalidParameterException")
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    for name in ("limit", "startTime", "logStreamName"):
        assert f"'{name}'" in body["message"]


def test_a_wrong_signature_is_refused_in_the_services_own_form() -> None:
    wrong = Credential(KEY.access_key_id, "wrong", KEY.account_id)
    error, _ = provoke(application(Operations()), "logs", "DescribeLogGroups", {}, wrong)
    assert error.response["Error"]["Code"] == "InvalidSignatureException"


def test_an_operation_of_the_service_that_is_not_ours_says_so() -> None:
    caller = client(application(Operations()), "logs")
    with pytest.raises(ClientError) as caught:
        caller.put_retention_policy(logGroupName="a", retentionInDays=1)
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
    assert "logs:PutRetentionPolicy" in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("target", "method", "path"),
    [
        (None, "POST", "/"),
        ("", "POST", "/"),
        ("GetLogEvents", "POST", "/"),
        ("Logs_20140328.", "POST", "/"),
        ("Logs_20140328.getLogEvents", "POST", "/"),
        ("Other.GetLogEvents", "POST", "/"),
        ("Logs_20140328.GetLogEvents", "GET", "/"),
        ("Logs_20140328.GetLogEvents", "POST", "/memberships"),
        ("Logs_20140328.GetLogEvents" * 1000, "POST", "/"),
    ],
)
def test_what_names_no_operation_is_said_to_name_none(target: str | None, method: str, path: str) -> None:
    answer = post(target, method=method, path=path)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert json.loads(answer.body)["__type"] == "UnknownOperationException"
    assert len(answer.body) < 2_000


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff", b'{"limit": "7"}', b'{"limit": 1e99}'])
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    answer = post("Logs_20140328.GetLogEvents", body)
    assert answer.status == 400
    assert json.loads(answer.body)["__type"] in {"SerializationException", "InvalidParameterException"}


METRIC = {"Namespace": "/aws/cleanroomsml/TrainedModels", "MetricName": "loss"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATISTICS = {**METRIC, "StartTime": NOON, "EndTime": NOON, "Period": 60}
DATA = {"MetricDataQueries": [], "StartTime": NOON, "EndTime": NOON}


@pytest.mark.parametrize(
    ("name", "parameters", "code"),
    [
        ("GetMetricStatistics", STATISTICS, "InvalidParameterValue"),
        ("ListMetrics", {}, "InvalidParameterValue"),
        ("GetMetricData", DATA, "ValidationError"),
    ],
)
@pytest.mark.parametrize("fault", [faults.ValidationFault("Wrong."), faults.AccessDenied("Not yours.")])
def test_a_service_that_spoke_another_protocol_answers_its_older_names(
    fault: faults.Fault, name: str, parameters: dict[str, Any], code: str
) -> None:
    error, caller = provoke(refusing(fault), "monitoring", name, parameters)
    told = error.response["Error"]
    assert (told["Code"], told["Message"], told["Type"]) == (code, fault.message, "Sender")
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    if code == "InvalidParameterValue":
        assert isinstance(error, caller.exceptions.InvalidParameterValueException)


def test_an_older_version_of_the_protocol_is_answered_in_it() -> None:
    headers = [
        *authorized("monitoring"),
        ("content-type", "application/x-amz-json-1.0"),
        ("X-Amz-Target", "GraniteServiceVersion20100801.ListMetrics"),
    ]
    answer = ask(DEV, "POST", "/", headers, b"{}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-amz-json-1.0")
