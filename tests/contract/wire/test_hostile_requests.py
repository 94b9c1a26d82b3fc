"""Whatever comes, the answer is a refusal, never a failure of the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contract.wire.connection import Answer, Operations, application, ask
from contract.wire.samples import sample
from support.effort import effort_under
from whiteroom.wire.models import Operation, all_operations

ACCOUNT = "210987654321"
MEMBERSHIP = "00000000-0000-0000-0000-000000000000"
MAX_BODY_BYTES = 100_000
OPERATIONS = Operations()
APPLICATION = application(OPERATIONS, dev=True, max_body_bytes=MAX_BODY_BYTES)


def authorized(service: str = "cleanrooms-ml") -> list[tuple[str, str]]:
    fields = f"Credential={ACCOUNT}/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature={'0' * 64}"
    return [("host", "localhost"), ("authorization", f"AWS4-HMAC-SHA256 {fields}")]


def post(body: bytes, path: str = f"/memberships/{MEMBERSHIP}/trained-models", **headers: str) -> Answer:
    extra = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return ask(APPLICATION, "POST", path, [*authorized(), *extra], body)


def refused_well(answer: Answer) -> bool:
    return answer.status < 500 and (answer.status < 300 or "message" in json.loads(answer.body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
PATH_CHARACTERS = st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="?# ")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 90_000)
@example(b'{"name":' * 10_000)
@example(b'{"name":"a","name":"b"}')
@example(b'"\\ud800"')
@example(b'{"name":"\\ud800\\u0000"}')
@example(b'{"name":"\xed\xa0\x80"}')
@example('{"name":"a"}'.encode("utf-16"))
@example(b'\xef\xbb\xbf{"name":"a"}')
@example(b'{"resourceConfig":{"volumeSizeInGB":' + b"9" * 5000 + b"}}")
@example(b'{"resourceConfig":{"volumeSizeInGB":1e999}}')
@example(b'{"resourceConfig":{"volumeSizeInGB":NaN}}')
@example(b"null")
@example(b"[]")
def test_any_body_is_answered(body: bytes) -> None:
    assert refused_well(post(body))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(
    path=st.text(PATH_CHARACTERS, max_size=80),
    query=st.text(PATH_CHARACTERS, max_size=60),
    method=st.text("GETPOS", max_size=6),
)
@example(f"memberships/{MEMBERSHIP}/trained-models/%ff%fe", "", "GET")
@example(f"memberships/{MEMBERSHIP}/trained-models", "nextToken=%ff&maxResults=x", "GET")
@example(f"memberships/{MEMBERSHIP}/trained-models", "maxResults=" + "9" * 5000, "GET")
@example(f"memberships/{MEMBERSHIP}/trained-models", "maxResults=\u00b2", "GET")
@example("memberships//trained-models", "&&==&%", "GET")
@example("/" * 5000, "", "GET")
@example("%2e%2e/%2e%2e/etc/passwd", "", "GET")
def test_any_path_and_query_is_answered(path: str, query: str, method: str) -> None:
    assert refused_well(ask(APPLICATION, method, f"/{path}?{query}", authorized()))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "authorization",
                    "x-amz-date",
                    "host",
                    "content-type",
                    "content-length",
                    "x-amz-content-sha256",
                    "content-encoding",
                    "x-other",
                ]
            ),
            st.text(st.characters(max_codepoint=255), max_size=120),
        ),
        max_size=6,
    )
)
def test_any_headers_are_answered(headers: list[tuple[str, str]]) -> None:
    assert refused_well(ask(APPLICATION, "POST", "/configured-model-algorithms", headers, b"{}"))


def with_one_value_replaced(value: Any, replacement: Any, data: st.DataObject) -> Any:
    """A copy with one value somewhere in it replaced."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: with_one_value_replaced(value[key], replacement, data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [with_one_value_replaced(value[0], replacement, data), *value[1:]]
    return replacement


WITH_BODY = [each for each in all_operations() if each.method in ("POST", "PUT", "PATCH") and each.service != "sts"]
"""Of those that take JSON; forms have attacks of their own (test_hostile_forms.py)."""


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(operation=st.sampled_from(WITH_BODY), replacement=JSON, data=st.data())
def test_any_value_anywhere_in_any_operations_body_is_answered(
    operation: Operation, replacement: Any, data: st.DataObject
) -> None:
    assert operation.input_shape is not None
    path, body = operation.uri, {}
    fields = [*authorized(operation.service), ("X-Amz-Target", f"Logs_20140328.{operation.name}")]
    for name, member in operation.input_shape.members.items():
        if member.serialization.get("location") == "uri":
            path = path.replace(f"{{{member.serialization['name']}}}", "a")
        elif member.type_name != "timestamp":
            body[name] = sample(member)
    mutated = json.dumps(with_one_value_replaced(body, replacement, data)).encode()
    assert refused_well(ask(APPLICATION, operation.method, path, fields, mutated))


def test_a_body_over_the_limit_is_refused_unread() -> None:
    assert post(b"", content_length=str(MAX_BODY_BYTES + 1)).status == 413
    assert post(b"", content_length="9" * 5000).status == 413


def test_a_body_that_grows_over_the_limit_is_refused() -> None:
    chunks = [b"x" * 40_000] * 3
    answer = ask(APPLICATION, "POST", "/configured-model-algorithms", authorized(), chunks)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (413, "RequestEntityTooLargeException")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "application/x-www-form-urlencoded"])
def test_a_body_said_to_be_something_else_is_refused(content_type: str) -> None:
    assert post(b"{}", content_type=content_type).status == 415


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_goes_by_several_names(content_type: str) -> None:
    assert post(b"{}", content_type=content_type).headers["x-amzn-errortype"] == "ValidationException"


def test_a_compressed_body_is_refused() -> None:
    assert post(b"\x1f\x8b", content_encoding="gzip").status == 415


def test_thousands_of_errors_cost_no_more_than_fifty() -> None:
    channels = json.dumps({"creatorMemberAbilities": [None] * 15_000}).encode()
    fields = authorized("cleanrooms")
    answer = ask(APPLICATION, "POST", "/collaborations", fields, channels)
    assert b"50 validation errors detected" in answer.body
    assert len(answer.body) < 20_000


def test_an_unknown_operation_is_said_to_be_one() -> None:
    answer = ask(APPLICATION, "GET", "/not-a-thing", authorized())
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")


def test_the_exponential_table_name_is_refused_at_once() -> None:
    table = {"athena": {"workGroup": "w", "databaseName": "d", "tableName": "a" * 127 + "!"}}
    body = {"name": "t", "tableReference": table, "allowedColumns": ["a"], "analysisMethod": "DIRECT_QUERY"}
    with effort_under(0.5):
        answer = ask(APPLICATION, "POST", "/configuredTables", authorized("cleanrooms"), json.dumps(body).encode())
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert b"tableReference.athena.tableName" in answer.body


def test_health_needs_no_signature() -> None:
    answer = ask(APPLICATION, "GET", "/health")
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
