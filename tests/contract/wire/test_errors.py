"""Refusals, as botocore's own parser understands them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.wire.connection import KEY, Operations, application, ask, client
from contract.wire.samples import sample
from whiteroom.base import faults
from whiteroom.base.callers import Credential
from whiteroom.wire.calls import Call, NotImplementedOperation
from whiteroom.wire.faults import fault_refusal
from whiteroom.wire.models import Operation, all_operations

MEMBERSHIP = "00000000-0000-0000-0000-000000000000"
ML_FAULTS = [
    (faults.ValidationFault("Wrong."), "ValidationException", 400),
    (faults.AccessDenied("Not you."), "AccessDeniedException", 403),
    (faults.ResourceNotFound("Gone.", resourceId="x"), "ResourceNotFoundException", 404),
    (faults.Conflict("Busy."), "ConflictException", 409),
    (faults.QuotaExceeded("Full.", quotaName="models", quotaValue=5), "ServiceQuotaExceededException", 402),
    (faults.Throttled("Slow down."), "ThrottlingException", 429),
]


def refusing(refusal: Exception) -> Any:
    def answer(call: Call) -> Mapping[str, Any]:
        raise refusal

    return application(Operations(answer))


def provoke(app: Any, service: str, name: str, parameters: dict[str, Any], key: Credential = KEY) -> tuple[Any, Any]:
    caller = client(app, service, key)
    with pytest.raises(ClientError) as caught:
        caller._make_api_call(name, parameters)
    return caught.value, caller


def create_trained_model(app: Any) -> tuple[Any, Any]:
    operation = next(each for each in all_operations() if each.name == "CreateTrainedModel")
    return provoke(app, "cleanrooms-ml", "CreateTrainedModel", sample(operation.input_shape))


@pytest.mark.parametrize(("fault", "code", "status"), ML_FAULTS, ids=[code for _, code, _ in ML_FAULTS])
def test_a_fault_arrives_as_its_own_exception_class(fault: faults.Fault, code: str, status: int) -> None:
    error, caller = create_trained_model(refusing(fault))
    assert isinstance(error, getattr(caller.exceptions, code))
    assert error.response["Error"] == {"Code": code, "Message": fault.message}
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert error.response["ResponseMetadata"]["RequestId"]


def test_the_members_of_an_error_arrive_and_others_stay_behind() -> None:
    fault = faults.QuotaExceeded("Full.", quotaName="models", quotaValue=5, secret="x")
    error, _ = create_trained_model(refusing(fault))
    assert (error.response["quotaName"], error.response["quotaValue"]) == ("models", 5)
    assert "secret" not in error.response


def test_the_body_has_no_type_that_would_override_the_header() -> None:
    app = application(Operations(), dev=True)
    answer = ask(app, "GET", "/memberships/x", [("Authorization", "nonsense")])
    assert answer.headers["x-amzn-errortype"] == "IncompleteSignatureException"
    assert answer.body == b'{"message":"The Authorization header must use AWS4-HMAC-SHA256."}'


@pytest.mark.parametrize("operation", all_operations(), ids=lambda operation: f"{operation.service}:{operation.name}")
def test_every_fault_is_answered_as_one_that_the_operation_declares(operation: Operation) -> None:
    for fault, code, _ in ML_FAULTS:
        refusal = fault_refusal(fault, operation)
        common = {"ThrottlingException"} | (
            {"ValidationError"} if operation.service in ("monitoring", "sts") else set()
        )
        assert refusal.code in operation.errors.keys() | common
        if code in operation.errors:
            assert (refusal.code, refusal.status) == (code, operation.errors[code])


@pytest.mark.parametrize("operation", all_operations(), ids=lambda operation: f"{operation.service}:{operation.name}")
def test_a_role_that_may_not_is_access_denied_whatever_the_operation_declares(operation: Operation) -> None:
    refusal = fault_refusal(faults.NotAuthorized("No."), operation)
    assert (refusal.status, refusal.code, refusal.members) == (403, "AccessDeniedException", {"message": "No."})


def test_sts_calls_access_denied_by_its_older_name() -> None:
    error, _ = provoke(refusing(faults.NotAuthorized("No.")), "sts", "GetCallerIdentity", {})
    assert error.response["Error"] == {"Type": "Sender", "Code": "AccessDenied", "Message": "No."}
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_not_found_is_access_denied_where_the_operation_knows_no_other() -> None:
    app = refusing(faults.ResourceNotFound("No such membership."))
    error, _ = provoke(app, "cleanrooms-ml", "ListTrainedModels", {"membershipIdentifier": MEMBERSHIP})
    assert error.response["Error"] == {"Code": "AccessDeniedException", "Message": "No such membership."}


@pytest.mark.parametrize(
    ("service", "code"), [("cleanrooms-ml", "InternalServiceException"), ("cleanrooms", "InternalServerException")]
)
def test_an_unexpected_failure_tells_its_request_id_and_nothing_else(
    service: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = refusing(RuntimeError("the password is swordfish"))
    name = {"cleanrooms-ml": "ListTrainedModels", "cleanrooms": "GetMembership"}[service]
    with caplog.at_level(logging.ERROR):
        error, _ = provoke(app, service, name, {"membershipIdentifier": MEMBERSHIP})
    request_id = error.response["ResponseMetadata"]["RequestId"]
    assert error.response["Error"]["Code"] == code
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "swordfish" not in str(error)
    assert request_id in error.response["Error"]["Message"]
    assert request_id in caplog.text
    assert "swordfish" in caplog.text


def test_an_output_that_cannot_be_serialised_is_an_internal_error() -> None:
    app = application(Operations(lambda call: {"mlInputChannelsList": [object()]}))
    error, _ = provoke(app, "cleanrooms-ml", "ListMLInputChannels", {"membershipIdentifier": MEMBERSHIP})
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_an_operation_without_a_handler_is_named() -> None:
    app = refusing(NotImplementedOperation())
    error, _ = provoke(app, "cleanrooms-ml", "ListTrainingDatasets", {})
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ListTrainingDatasets" in error.response["Error"]["Message"]


def test_an_unknown_key_and_a_wrong_secret_are_told_apart() -> None:
    app = application(Operations())
    unknown, _ = provoke(app, "cleanrooms-ml", "ListTrainingDatasets", {}, Credential("AKIDOTHER", "x", ""))
    wrong, _ = provoke(app, "cleanrooms-ml", "ListTrainingDatasets", {}, Credential(KEY.access_key_id, "x", ""))
    assert unknown.response["Error"]["Code"] == "UnrecognizedClientException"
    assert wrong.response["Error"]["Code"] == "InvalidSignatureException"


def test_broken_constraints_reach_the_client_in_aws_words() -> None:
    app = application(Operations())
    error, _ = provoke(app, "cleanrooms-ml", "ListTrainedModels", {"membershipIdentifier": "x" * 37, "maxResults": 101})
    assert error.response["Error"]["Message"] == (
        f"2 validation errors detected: Value '{'x' * 37}' at 'membershipIdentifier' failed to satisfy constraint: "
        "Member must have length less than or equal to 36; "
        "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"
    )


def test_cleanrooms_lists_the_fields_that_are_wrong() -> None:
    app = application(Operations())
    error, _ = provoke(app, "cleanrooms", "GetMembership", {"membershipIdentifier": "x" * 37})
    assert error.response["reason"] == "FIELD_VALIDATION_FAILED"
    assert error.response["fieldList"] == [
        {"name": "membershipIdentifier", "message": "Member must have length less than or equal to 36"}
    ]


def test_sts_refuses_in_xml() -> None:
    app = application(Operations())
    wrong, _ = provoke(app, "sts", "GetCallerIdentity", {}, Credential(KEY.access_key_id, "x", ""))
    assert wrong.response["Error"]["Code"] == "SignatureDoesNotMatch"
    other, _ = provoke(app, "sts", "GetFederationToken", {"Name": "alice"})
    assert other.response["Error"]["Code"] == "NotImplementedException"
    assert "sts:GetFederationToken" in other.response["Error"]["Message"]
