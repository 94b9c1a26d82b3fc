"""What AWS's refusals mean: whether the same call may succeed later, and who reads what.

AwsRefused       the same call is refused again, until somebody changes something
AwsUnreachable   nothing was decided: the network, the service, a clock; the same call is tried again
AwsUnusable      this installation cannot speak to AWS at all
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from whiteroom.aws.identities import Identity
from whiteroom.base.archives import shown


class AwsRefused(Exception):
    """AWS, or what is in for it, refused. The message is for the one member who was asked for, and the operator."""

    public: Final = "The storage or catalog of a member's own refused the server; that member was told why."
    """For everybody else: it names no call, no bucket and no role."""


class AwsUnreachable(Exception):
    """No answer, or one that decides nothing. The message is for the operator, and the member who was asked for."""


class AwsUnusable(Exception):
    """This installation cannot speak to AWS. The message says to the operator what to do."""


_TRIED_AGAIN: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "ConditionalRequestConflict",
        "ExpiredToken",
        "ExpiredTokenException",
        "IDPCommunicationError",
        "InternalError",
        "InternalFailure",
        "InternalServiceException",
        "LimitExceededException",
        "NoSuchUpload",
        "OperationAborted",
        "PriorRequestNotComplete",
        "RequestExpired",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeTooSkewed",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes that decide nothing, whatever their HTTP status. Every 5xx and 429 is one too."""

_ADVICE: Final[Mapping[str, str]] = {
    "301": "It is in another region: the operator says in bucket_regions which.",
    "AuthorizationHeaderMalformed": "It is in another region: the operator says in bucket_regions which.",
    "IllegalLocationConstraintException": "It is in another region: the operator says in bucket_regions which.",
    "PermanentRedirect": "It is in another region: the operator says in bucket_regions which.",
    "404": "It is not there: make it, or name another one.",
    "NoSuchBucket": "It is not there: make it, or name another one.",
    "EntityNotFoundException": "It is not there: make it, or name another one.",
    "403": "Allow it to whoever signs (docs/s3.md).",
    "AccessDenied": "Allow it to whoever signs (docs/s3.md).",
    "AccessDeniedException": "Allow it to whoever signs (docs/s3.md).",
    "InvalidAccessKeyId": "The operator looks at the profile that signs.",
    "InvalidClientTokenId": "The operator looks at the profile that signs.",
    "SignatureDoesNotMatch": "The operator looks at the profile that signs.",
    "UnrecognizedClientException": "The operator looks at the profile that signs.",
}
"""What to do about a code."""

_ASSUMING: Final = "AssumeRole"
_OF_THE_ROLE: Final = "Let the role's trust policy name the server's own identity (docs/s3.md)."

_NOTHING_DECIDED: Final = (
    exceptions.ChecksumError,
    exceptions.ConnectionError,
    exceptions.CredentialRetrievalError,
    exceptions.FlexibleChecksumError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.LoginError,
    exceptions.MetadataRetrievalError,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
)
"""Of botocore's own: the network, and credentials that the operator renews by logging in. All others are refusals."""


@contextlib.contextmanager
def refusals(call: str, identity: Identity, on: str = "") -> Iterator[None]:
    """Turn what botocore raises into AwsRefused or AwsUnreachable.

    Args:
        call: the service and the operation, such as `s3:PutObject`; where AWS answered, the one that it answered.
        identity: for whom.
        on: what the call is about, such as `the bucket results`.

    Raises:
        AwsRefused: it is refused, and would be again.
        AwsUnreachable: nothing was decided.
    """
    try:
        yield
    except ClientError as error:
        raise _of_an_answer(error, call, identity, on) from error
    except BotoCoreError as error:
        sentence = f"{_subject(call, on)} for {identity.words}"
        reason = " ".join(shown(str(error)).split())
        if isinstance(error, _NOTHING_DECIDED):
            raise AwsUnreachable(f"{sentence} got no answer: {reason}") from error
        raise AwsRefused(f"{sentence} could not be made: {reason}") from error


def code_of(error: ClientError) -> str:
    """The code of AWS's answer, such as `NoSuchUpload`; its HTTP status where it has no body."""
    return str(_part(error, "Error").get("Code", ""))


def _of_an_answer(error: ClientError, call: str, identity: Identity, on: str) -> AwsRefused | AwsUnreachable:
    code, status = code_of(error), _part(error, "ResponseMetadata").get("HTTPStatusCode", 0)
    assuming = error.operation_name == _ASSUMING
    # The first call of a role's session asks for the role, whatever it is about itself.
    subject = (
        f"sts:{_ASSUMING} of {identity.role_arn}"
        if assuming
        else _subject(f"{call.partition(':')[0]}:{error.operation_name}", on)
    )
    said = shown(str(_part(error, "Error").get("Message") or code))
    if code in _TRIED_AGAIN or status == 429 or status >= 500:
        return AwsUnreachable(f"{subject} for {identity.words} got no decision ({code}): {said}")
    advice = _OF_THE_ROLE if assuming and code == "AccessDenied" else _ADVICE.get(code, "")
    return AwsRefused(f"{subject} was refused to {identity.words} ({code}): {said} {advice}".rstrip())


def _subject(call: str, on: str) -> str:
    return f"{call} on {on}" if on else call


def _part(error: ClientError, name: str) -> Mapping[str, Any]:
    part = error.response.get(name)
    return part if isinstance(part, dict) else {}
