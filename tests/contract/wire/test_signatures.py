"""Signature Version 4, with botocore's signer and our own of other clients' habits as oracles."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.wire.connection import ACCOUNT, KEY, Answer, Keys, Operations, ask
from whiteroom.base.clock import utc_now
from whiteroom.wire.asgi import Application

MEMBERSHIP = "0a1b2c3d-0000-4000-8000-00000000000f"
ARN = f"arn:aws:cleanrooms-ml:eu-west-1:{ACCOUNT}:membership/{MEMBERSHIP}/trained-model/churn"
MODEL_PATH = f"/memberships/{MEMBERSHIP}/trained-models/{quote(ARN, safe='')}"
NOW = utc_now()
STAMP = NOW.strftime("%Y%m%dT%H%M%SZ")
Headers = list[tuple[str, str]]


def app(operations: Operations | None = None, **settings: Any) -> Application:
    return Application(Keys(), operations or Operations(), lambda: NOW, **settings)


def sign(
    method: str,
    canonical_path: str,
    canonical_query: str,
    headers: dict[str, str],
    body: bytes = b"",
    *,
    separator: str = ", ",
    payload_hash: str | None = None,
    service: str = "cleanrooms-ml",
    stamp: str = STAMP,
) -> Headers:
    """The algorithm of AWS's documentation, with the canonical path and query as a client chooses to write them."""
    headers = {"x-amz-date": stamp, **headers}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    digest = payload_hash or hashlib.sha256(body).hexdigest()
    canonical = f"{method}\n{canonical_path}\n{canonical_query}\n{lines}\n{names}\n{digest}"
    scope = f"{stamp[:8]}/eu-west-1/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + KEY.secret_access_key.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    fields = (f"Credential={KEY.access_key_id}/{scope}", f"SignedHeaders={names}", f"Signature={signature}")
    return [*headers.items(), ("authorization", f"AWS4-HMAC-SHA256 {separator.join(fields)}")]


def double(path: str) -> str:
    return quote(path, safe="/~")


def error(answer: Answer) -> str | None:
    return answer.headers.get("x-amzn-errortype")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(
    tag_keys=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), min_size=1, max_size=4
    ),
    tail=st.text("abcXYZ019-_/.", min_size=1, max_size=30),
)
def test_whatever_botocore_signs_is_accepted(tag_keys: list[str], tail: str) -> None:
    operations = Operations()
    arn = f"{ARN}{tail}"
    query = "&".join(f"tagKeys={quote(key, safe='')}" for key in tag_keys)
    target = f"/tags/{quote(arn, safe='')}?{query}"
    request = AWSRequest("DELETE", f"http://localhost:8080{target}")
    SigV4Auth(Credentials(KEY.access_key_id, KEY.secret_access_key), "cleanrooms-ml", "eu-west-1").add_auth(request)
    present = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    verifier = Application(Keys(), operations, lambda: present)
    answer = ask(verifier, "DELETE", target, [("host", "localhost:8080"), *request.headers.items()])
    assert error(answer) in (None, "ValidationException")
    if answer.status == 200:
        assert operations.calls[0].parameters == {"resourceArn": arn, "tagKeys": tag_keys}


CLIENTS = {
    "botocore and the SDKs: the path as sent, encoded again": (
        MODEL_PATH,
        "",
        double(MODEL_PATH),
        "",
        "localhost:8080",
    ),
    "Dart: the path as sent": (MODEL_PATH, "", MODEL_PATH, "", "localhost:8080"),
    "Dart: Host without its port": (MODEL_PATH, "", MODEL_PATH, "", "localhost"),
    "Dart: a bare question mark": (MODEL_PATH, "?", MODEL_PATH, "", "localhost"),
    "Terraform: colons as they are": (
        MODEL_PATH.replace("%3A", ":"),
        "",
        double(MODEL_PATH.replace("%3A", ":")),
        "",
        "localhost:8080",
    ),
    "colons as they are, signed as if encoded": (
        MODEL_PATH.replace("%3A", ":"),
        "",
        MODEL_PATH,
        "",
        "localhost:8080",
    ),
    "colons as they are, signed as if encoded twice": (
        MODEL_PATH.replace("%3A", ":"),
        "",
        double(MODEL_PATH),
        "",
        "localhost:8080",
    ),
}


@pytest.mark.parametrize(("path", "query", "canonical", "canonical_query", "host"), CLIENTS.values(), ids=CLIENTS)
def test_each_clients_way_of_signing_is_accepted(
    path: str, query: str, canonical: str, canonical_query: str, host: str
) -> None:
    operations = Operations()
    answer = ask(app(operations), "GET", path + query, sign("GET", canonical, canonical_query, {"host": host}))
    assert answer.status == 200
    assert operations.calls[0].operation.name == "GetTrainedModel"
    assert operations.calls[0].parameters == {"membershipIdentifier": MEMBERSHIP, "trainedModelArn": ARN}


@pytest.mark.parametrize("separator", [", ", ","])
def test_plus_stands_for_a_space_and_is_signed_as_percent_20(separator: str) -> None:
    operations = Operations()
    path = f"/tags/{quote(ARN, safe='')}"
    query = "tagKeys=cost%20centre&tagKeys=a"
    headers = sign("DELETE", double(path), "tagKeys=a&tagKeys=cost%20centre", {"host": "x"}, separator=separator)
    assert ask(app(operations), "DELETE", f"{path}?{query.replace('%20', '+')}", headers).status == 200
    assert operations.calls[0].parameters["tagKeys"] == ["cost centre", "a"]


def test_the_signing_name_decides_between_services_that_share_a_path() -> None:
    operations = Operations()
    arn = f"arn:aws:cleanrooms:eu-west-1:{ACCOUNT}:membership/{MEMBERSHIP}"
    path = f"/tags/{quote(arn, safe='')}"
    for service in ("cleanrooms", "cleanrooms-ml"):
        ask(app(operations), "GET", path, sign("GET", double(path), "", {"host": "x"}, service=service))
    assert [call.operation.service for call in operations.calls] == ["cleanrooms"]


BODY = b'{"name":"a","roleArn":"arn:aws:iam::123456789012:role/r"}'
TRAINING = "/configured-model-algorithms"


def test_a_body_without_a_content_type_is_taken_for_json() -> None:
    operations = Operations()
    ask(app(operations), "POST", TRAINING, sign("POST", TRAINING, "", {"host": "x"}, BODY), BODY)
    assert operations.calls[0].parameters == {"name": "a", "roleArn": "arn:aws:iam::123456789012:role/r"}


def test_headers_are_trimmed_and_repeated_ones_joined_before_they_are_verified() -> None:
    signed = sign("POST", TRAINING, "", {"host": "x", "x-amz-meta": "a b,c"}, BODY)
    sent = [pair for pair in signed if pair[0] != "x-amz-meta"]
    assert ask(app(), "POST", TRAINING, [*sent, ("x-amz-meta", "  a   b "), ("X-Amz-Meta", "c")], BODY).status == 200
    assert ask(app(), "POST", TRAINING, [*sent, ("x-amz-meta", "c"), ("x-amz-meta", "a b")], BODY).status == 403


@pytest.mark.parametrize("claim", [hashlib.sha256(BODY).hexdigest(), None])
def test_a_claimed_body_hash_that_is_right_is_accepted(claim: str | None) -> None:
    extra = {"x-amz-content-sha256": claim} if claim else {}
    assert ask(app(), "POST", TRAINING, sign("POST", TRAINING, "", {"host": "x", **extra}, BODY), BODY).status == 200


@pytest.mark.parametrize("claim", [hashlib.sha256(b"other").hexdigest(), "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED"])
def test_a_claimed_body_hash_that_is_not_the_bodys_is_refused(claim: str) -> None:
    headers = sign("POST", TRAINING, "", {"host": "x", "x-amz-content-sha256": claim}, BODY, payload_hash=claim)
    assert error(ask(app(), "POST", TRAINING, headers, BODY)) == "InvalidSignatureException"


def test_an_unsigned_payload_is_accepted_where_there_is_none() -> None:
    claim = "UNSIGNED-PAYLOAD"
    headers = sign("GET", MODEL_PATH, "", {"host": "x", "x-amz-content-sha256": claim}, payload_hash=claim)
    assert ask(app(), "GET", MODEL_PATH, headers).status == 200


def test_nothing_that_was_signed_can_be_changed() -> None:
    def send(**changed: Any) -> str | None:
        headers = dict(sign("POST", TRAINING, "", {"host": "x"}, BODY))
        headers.update(changed.pop("headers", {}))
        request = {"method": "POST", "target": TRAINING, "body": BODY, **changed}
        return error(ask(app(), request["method"], request["target"], list(headers.items()), request["body"]))

    assert send() is None
    changes: list[dict[str, Any]] = [
        {"method": "PUT"},
        {"target": "/ml-input-channels"},
        {"target": f"{TRAINING}?a=b"},
        {"body": BODY.replace(b'"a"', b'"b"')},
        {"body": b""},
        {"headers": {"host": "y"}},
        {"headers": {"x-amz-date": (NOW - timedelta(seconds=1)).strftime("%Y%m%dT%H%M%SZ")}},
    ]
    assert [send(**change) for change in changes] == ["InvalidSignatureException"] * len(changes)


@pytest.mark.parametrize(("minutes", "wording"), [(-6, "Signature expired: "), (6, "Signature not yet current: ")])
def test_a_signature_lives_five_minutes(minutes: int, wording: str) -> None:
    stamp = (NOW + timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M%SZ")
    answer = ask(app(), "GET", MODEL_PATH, sign("GET", MODEL_PATH, "", {"host": "x"}, stamp=stamp))
    assert (answer.status, error(answer)) == (403, "InvalidSignatureException")
    assert wording.encode() in answer.body
    near = (NOW + timedelta(minutes=minutes / 6 * 4)).strftime("%Y%m%dT%H%M%SZ")
    assert ask(app(), "GET", MODEL_PATH, sign("GET", MODEL_PATH, "", {"host": "x"}, stamp=near)).status == 200


CREDENTIAL = f"Credential={KEY.access_key_id}/{STAMP[:8]}/eu-west-1/cleanrooms-ml/aws4_request"
REST = f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
MALFORMED = {
    "nothing": "",
    "another scheme": "Bearer abc",
    "another algorithm": f"AWS4-ECDSA-P256-SHA256 {CREDENTIAL}, {REST}",
    "no credential": f"AWS4-HMAC-SHA256 {REST}",
    "no signature": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host",
    "short scope": f"AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/aws4_request, {REST}",
    "bad date": f"AWS4-HMAC-SHA256 {CREDENTIAL.replace(STAMP[:8], '2026')}, {REST}",
    "bad region": f"AWS4-HMAC-SHA256 {CREDENTIAL.replace('eu-west-1', 'EU WEST')}, {REST}",
    "short signature": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=abc",
    "not Latin": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=hóst, Signature=\xff",
    "host unsigned": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=x-amz-date, Signature={'0' * 64}",
    "header missing": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host;x-gone, Signature={'0' * 64}",
    "another service": f"AWS4-HMAC-SHA256 {CREDENTIAL.replace('cleanrooms-ml', 's3')}, {REST}",
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_authorization_is_refused_as_such(header: str) -> None:
    sent = [("host", "x"), ("x-amz-date", STAMP), *([("authorization", header)] if header else [])]
    answer = ask(app(), "GET", MODEL_PATH, sent)
    assert answer.status == 403
    assert error(answer) in (
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
    )


@pytest.mark.parametrize("stamp", ["", "yesterday", "20261399T999999Z", "20260101T000000"])
def test_a_malformed_date_is_refused(stamp: str) -> None:
    headers = [("host", "x"), ("x-amz-date", stamp), ("authorization", f"AWS4-HMAC-SHA256 {CREDENTIAL}, {REST}")]
    assert error(ask(app(), "GET", MODEL_PATH, headers)) == "IncompleteSignatureException"


def test_a_presigned_url_is_refused_with_what_to_do_instead() -> None:
    answer = ask(app(), "GET", f"{MODEL_PATH}?X-Amz-Signature=abc&X-Amz-Algorithm=AWS4-HMAC-SHA256", [("host", "x")])
    assert (answer.status, error(answer)) == (403, "IncompleteSignatureException")
    assert b"Authorization header" in answer.body


def test_in_development_an_account_number_is_a_key_and_nothing_is_verified() -> None:
    header = f"AWS4-HMAC-SHA256 {CREDENTIAL.replace(KEY.access_key_id, '210987654321')}, {REST}"
    headers = [("host", "localhost"), ("authorization", header)]
    operations = Operations()
    assert error(ask(app(operations), "GET", MODEL_PATH, headers)) == "UnrecognizedClientException"
    assert ask(app(operations, dev=True), "GET", MODEL_PATH, headers).status == 200
    assert operations.calls[0].caller.account_id == "210987654321"


def test_in_development_every_other_key_is_still_verified() -> None:
    stamp = ("x-amz-date", STAMP)
    headers = [("host", "localhost"), stamp, ("authorization", f"AWS4-HMAC-SHA256 {CREDENTIAL}, {REST}")]
    assert error(ask(app(dev=True), "GET", MODEL_PATH, headers)) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("LOCALHOST", 200),
        ("cleanrooms.localhost:1", 200),
        ("[::1]:8080", 200),
        ("127.9.9.9", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8080", 403),
        ("localhost.evil.example", 403),
        ("evillocalhost", 403),
        ("192.168.0.7:8080", 403),
        ("127.0.0.1,evil.example", 403),
        ("", 403),
    ],
)
def test_in_development_a_page_of_another_site_cannot_speak_for_an_account(host: str, status: int) -> None:
    header = f"AWS4-HMAC-SHA256 {CREDENTIAL.replace(KEY.access_key_id, '210987654321')}, {REST}"
    headers = [("host", host), ("authorization", header)]
    answer = ask(app(Operations(), dev=True), "GET", MODEL_PATH, headers)
    assert answer.status == status
    assert status == 200 or b"Use 127.0.0.1 or localhost" in answer.body
