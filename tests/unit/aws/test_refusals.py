from __future__ import annotations

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    FlexibleChecksumError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)

from whiteroom.aws.identities import SERVER, member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable, refusals

ROLE = "arn:aws:iam::111122223333:role/results"
MEMBER = member("111122223333", ROLE, "q-1")
BUCKET = "the bucket results-of-b"


def answer(code: str, status: int, operation: str = "PutObject", message: str = "No.") -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)  # type: ignore[arg-type]


def refusal(error: Exception) -> AwsRefused:
    with pytest.raises(AwsRefused) as caught, refusals("s3:PutObject", MEMBER, BUCKET):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("code", "status"),
    [("AccessDenied", 403), ("NoSuchBucket", 404), ("403", 403), ("404", 404), ("PermanentRedirect", 301), ("X", 400)],
)
def test_a_refusal_names_the_call_what_it_was_about_and_the_role(code: str, status: int) -> None:
    told = str(refusal(answer(code, status)))
    for named in ("s3:PutObject", BUCKET, ROLE, "111122223333", code, "No."):
        assert named in told


def test_what_others_are_told_names_nothing_of_the_member() -> None:
    public = refusal(answer("AccessDenied", 403)).public
    for named in ("s3:", "results-of-b", "arn:", "111122223333"):
        assert named not in public


def test_the_call_is_the_one_that_was_answered() -> None:
    assert "s3:UploadPart on" in str(refusal(answer("AccessDenied", 403, "UploadPart")))
    assert f"sts:AssumeRole of {ROLE}" in str(refusal(answer("AccessDenied", 403, "AssumeRole")))


@pytest.mark.parametrize(
    "error",
    [
        answer("SlowDown", 503),
        answer("InternalError", 500),
        answer("AnythingElse", 502),
        answer("AnythingElse", 429),
        answer("RequestTimeTooSkewed", 403),
        answer("ExpiredToken", 400),
        answer("RequestTimeout", 400),
        answer("OperationAborted", 409),
        answer("Throttling", 400, "AssumeRole"),
        EndpointConnectionError(endpoint_url="http://x"),
        ConnectTimeoutError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
        FlexibleChecksumError(error_msg="differs"),
        UnauthorizedSSOTokenError(),
    ],
)
def test_what_decides_nothing_is_tried_again(error: Exception) -> None:
    with pytest.raises(AwsUnreachable, match=r"s3:PutObject|sts:AssumeRole"), refusals("s3:PutObject", MEMBER, BUCKET):
        raise error


@pytest.mark.parametrize("error", [NoCredentialsError(), ParamValidationError(report="bad"), BotoCoreError()])
def test_what_no_attempt_mends_is_a_refusal(error: Exception) -> None:
    assert ROLE in str(refusal(error))


def test_what_is_wrong_with_the_servers_own_key_is_not_the_roles_fault() -> None:
    assert "trust policy" in str(refusal(answer("AccessDenied", 403, "AssumeRole")))
    told = str(refusal(answer("InvalidClientTokenId", 403, "AssumeRole")))
    assert "trust policy" not in told
    assert "The operator looks at the profile that signs." in told


def test_what_a_service_says_is_one_line_and_not_endless() -> None:
    told = str(refusal(answer("AccessDenied", 403, message="a\nb\x1b[31m" + "x" * 100_000)))
    assert told.isprintable()
    assert len(told) < 2_000


def test_an_answer_without_a_body_is_a_refusal_too() -> None:
    assert "s3:HeadObject" in str(refusal(ClientError({}, "HeadObject")))


def test_the_server_itself_is_named_as_such() -> None:
    with pytest.raises(AwsRefused, match="the server itself"), refusals("s3:PutObject", SERVER, BUCKET):
        raise answer("AccessDenied", 403)


def test_what_is_none_of_aws_passes() -> None:
    with pytest.raises(KeyError), refusals("s3:PutObject", MEMBER):
        raise KeyError
