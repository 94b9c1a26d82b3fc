"""Temporary credentials on the wire: a signature is theirs only with their own token, and only in time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from contract.wire.connection import ACCOUNT, KEY, Answer, Keys, Operations, application, ask, client
from whiteroom.base.callers import Credential, Principal, Role
from whiteroom.base.clock import utc_now
from whiteroom.wire.asgi import Application

NIGHTLY = Principal("zoe", Role.ANALYST, "nightly/monday", "AROANIGHTLY")
SECRET = "a" * 40


def keys(expires_at: datetime | None = None) -> Keys:
    """Two sessions; they last for another hour where nothing else is said."""
    expires_at = expires_at or utc_now() + timedelta(hours=1)
    first = Credential("ASIAFIRST", SECRET, ACCOUNT, NIGHTLY, "WRKA1", expires_at)
    second = Credential("ASIASECOND", SECRET, ACCOUNT, NIGHTLY, "WRKA1", expires_at)
    return Keys(first=first, second=second)


def list_memberships(
    access_key_id: str,
    token: str | None,
    *,
    secret: str = SECRET,
    now: datetime | None = None,
    held: Keys | None = None,
    service: str = "cleanrooms",
    unsigned: tuple[tuple[str, str], ...] = (),
) -> tuple[Answer, Operations]:
    """One request, signed by botocore, whose clock is the machine's."""
    now = now or utc_now()
    operations = Operations()
    target = {"cleanrooms": "/memberships", "sts": "/?Action=GetCallerIdentity&Version=2011-06-15"}[service]
    request = AWSRequest("GET", f"http://localhost:8080{target}")
    SigV4Auth(Credentials(access_key_id, secret, token), service, "eu-west-1").add_auth(request)
    headers = [("host", "localhost:8080"), *request.headers.items(), *unsigned]
    app = Application(held or keys(), operations, lambda: now)
    return ask(app, "GET", target, headers), operations


def code(answer: Answer) -> str | None:
    return answer.headers.get("x-amzn-errortype")


def test_who_signs_with_a_session_is_whose_session_it_is() -> None:
    answer, operations = list_memberships("ASIAFIRST", "first")
    assert answer.status == 200
    (call,) = operations.calls
    assert call.caller.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/nightly/monday"
    assert (call.caller.user, call.caller.access_key_id, call.caller.temporary) == ("zoe", "WRKA1", True)


@pytest.mark.parametrize(
    ("access_key_id", "token"),
    [
        ("ASIAFIRST", None),
        ("ASIAFIRST", "second"),
        ("ASIAFIRST", "nobodys"),
        ("ASIAFIRST", "x" * 9000),
        ("ASIATHIRD", "first"),
        (KEY.access_key_id, "first"),
        (KEY.access_key_id, "nobodys"),
    ],
)
def test_a_key_without_its_own_token_is_unknown(access_key_id: str, token: str | None) -> None:
    answer, operations = list_memberships(access_key_id, token)
    assert (answer.status, code(answer), operations.calls) == (403, "UnrecognizedClientException", [])
    assert b"The security token included in the request is invalid." in answer.body
    xml, _ = list_memberships(access_key_id, token, service="sts")
    assert xml.status == 403
    assert b"<Code>InvalidClientTokenId</Code>" in xml.body


def test_a_session_signs_until_it_expires_and_not_after() -> None:
    now = utc_now()
    for expires_at, expected in ((now + timedelta(seconds=1), None), (now, "ExpiredTokenException")):
        answer, operations = list_memberships("ASIAFIRST", "first", now=now, held=keys(expires_at))
        assert code(answer) == expected
        assert len(operations.calls) == (expected is None)
    xml, _ = list_memberships("ASIAFIRST", "first", now=now, held=keys(now), service="sts")
    assert b"<Code>ExpiredToken</Code>" in xml.body
    assert xml.status == answer.status == 403


def test_a_wrong_secret_is_told_nothing_of_the_session() -> None:
    answer, _ = list_memberships("ASIAFIRST", "first", secret="b" * 40, held=keys(utc_now()))
    assert code(answer) == "InvalidSignatureException"


def test_a_token_may_be_left_out_of_what_is_signed() -> None:
    """AWS: some clients add it after they have signed."""
    answer, operations = list_memberships("ASIAFIRST", None, unsigned=(("x-amz-security-token", "first"),))
    assert (answer.status, len(operations.calls)) == (200, 1)


def test_an_account_number_in_development_mode_needs_no_token_and_minds_none() -> None:
    operations: Any = Operations()
    asking = client(application(operations, dev=True), "cleanrooms", Credential("210987654321", "x", ""))
    asking._request_signer._credentials.token = "anything"
    asking.list_memberships()
    assert operations.calls[0].caller.account_id == "210987654321"
