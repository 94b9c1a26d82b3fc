from __future__ import annotations

import time

import pytest

from whiteroom.controllers.redaction import redact
from whiteroom.domain.privacy import Entity, LogPolicy, LogType


def policy(*entities: Entity, custom: tuple[str, ...] = ()) -> LogPolicy:
    return LogPolicy(("111111111111",), None, LogType.ALL, entities, custom)


def test_without_a_policy_or_an_entity_nothing_is_masked() -> None:
    text = "patient 7 of alice@example.org"
    assert redact(text, ()) == text
    assert redact(text, [policy()]) == text


@pytest.mark.parametrize(
    "secret",
    [
        "alice.b+c@mail.example.org",
        "+41 44 668 18 00",
        "(212) 555-0100",
        "123-45-6789",
        "4111 1111 1111 1111",
        "4111111111111111",
        "10.20.30.40",
        "2001:db8:85a3:0:0:8a2e:370:7334",
        "00:1b:44:11:3a:b7",
        "DE89 3704 0044 0532 0130 00",
        "1984-02-29",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_what_has_the_form_of_personal_information_is_masked(secret: str) -> None:
    assert redact(f"row of {secret}, dropped", [policy(Entity.PERSONAL)]) == "row of [REDACTED], dropped"


def test_ordinary_words_and_small_numbers_are_not_personal() -> None:
    text = "epoch 3: loss 0.25, 1200 rows of flights_2013.csv"
    assert redact(text, [policy(Entity.PERSONAL)]) == text


def test_every_number_is_masked_where_numbers_are() -> None:
    text = redact("loss 0.25 after 1,200 rows (x1)", [policy(Entity.NUMBERS)])
    assert text == "loss [REDACTED] after [REDACTED] rows (x[REDACTED])"


def test_custom_identifiers_are_masked_only_where_custom_is_named() -> None:
    assert redact("case MRN-77", [policy(Entity.CUSTOM, custom=("MRN-[0-9]+",))]) == "case [REDACTED]"
    assert redact("case MRN-77", [policy(custom=("MRN-[0-9]+",))]) == "case MRN-77"


def test_what_any_policy_masks_is_masked_for_all() -> None:
    policies = [policy(Entity.NUMBERS), policy(Entity.CUSTOM, custom=("Smith",))]
    assert redact("Smith is 41", policies) == "[REDACTED] is [REDACTED]"


def test_the_longest_find_wins_so_that_no_rest_stands() -> None:
    policies = [policy(Entity.NUMBERS), policy(Entity.PERSONAL)]
    assert redact("from 10.20.30.40 by 7up@example.org", policies) == "from [REDACTED] by [REDACTED]"


def test_a_hostile_expression_takes_linear_time() -> None:
    started = time.monotonic()
    redact("a" * 20_000 + "!", [policy(Entity.CUSTOM, custom=("(a+)+$", "(a|aa)+$"))])
    assert time.monotonic() - started < 2
