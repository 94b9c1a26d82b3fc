"""Members of requests that operations/sts/sessions.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "sts",
        Seen("test_no_other_role_can_be_assumed"),
        "RoleArn",
    ),
    *rows(
        "sts",
        Seen("test_who_assumes_a_role_is_what_the_role_is_and_still_named"),
        "RoleSessionName",
    ),
    *rows(
        "sts",
        Refused("test_what_would_have_no_effect_is_refused_by_name"),
        "",
        "ExternalId",
        "Policy",
        "PolicyArns[].arn",
        "ProvidedContexts[].ContextAssertion",
        "ProvidedContexts[].ProviderArn",
        "SerialNumber",
        "SourceIdentity",
        "Tags[].Key",
        "Tags[].Value",
        "TokenCode",
        "TransitiveTagKeys",
    ),
    *rows(
        "sts",
        Seen("test_a_session_lasts_as_long_as_it_was_asked_for_or_as_aws_says"),
        "DurationSeconds",
    ),
    *rows(
        "sts",
        Seen("test_a_token_is_as_large_as_a_client_wants_to_try"),
        "MinimumSessionTokenSize",
    ),
)
