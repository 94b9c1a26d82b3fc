"""Who reads which line: policies, accounts and lines, as tables."""

from __future__ import annotations

import pytest

from whiteroom.domain.execution.runs import LogLine
from whiteroom.domain.observability.container_logs import (
    FAILURE_CHARACTERS,
    LINE_CHARACTERS,
    SUMMARY_LINES,
    error_summary,
    reading_of,
    redacted_failure,
    redacted_line,
)
from whiteroom.domain.privacy.policies import Entity, LogPolicy, LogType
from whiteroom.redaction import personal
from whiteroom.redaction.finder import PatternFinder

ALICE, BOB, CAROL = "111111111111", "222222222222", "333333333333"
FINDER = PatternFinder()
SUMMARY = LogType.ERROR_SUMMARY


def policy(
    *accounts: str,
    pattern: str | None = None,
    kind: LogType = LogType.ALL,
    hides: tuple[Entity, ...] = (),
    custom: tuple[str, ...] = (),
) -> LogPolicy:
    return LogPolicy(accounts, pattern, kind, hides, custom)


def read(account: str, line: str, *policies: LogPolicy, in_summary: bool = False) -> str | None:
    reading = reading_of(account, policies)
    return None if reading is None else redacted_line(line, reading, FINDER, in_summary=in_summary)


INFO = policy(ALICE, pattern="INFO")
ALL = policy(ALICE)
MASKED = policy(ALICE, hides=(Entity.NUMBERS,))
ERRORS = policy(ALICE, kind=SUMMARY)
MASKED_ERRORS = policy(ALICE, kind=SUMMARY, hides=(Entity.NUMBERS,))
NARROW_MASKED = policy(ALICE, pattern="^never$", hides=(Entity.NUMBERS,))


@pytest.mark.parametrize(
    ("policies", "line", "in_summary", "seen"),
    [
        ((), "INFO 7", False, None),
        ((policy(BOB),), "INFO 7", False, None),
        ((ALL,), "INFO 7", False, "INFO 7"),
        ((ALL, policy(BOB, hides=(Entity.NUMBERS,))), "INFO 7", False, "INFO 7"),
        ((INFO,), "INFO 7", False, "INFO 7"),
        ((INFO,), "DEBUG 7", False, None),
        ((INFO,), "info 7", False, None),
        ((policy(ALICE, pattern="^(INFO|WARN) "),), "an INFO ", False, None),
        ((policy(ALICE, pattern="7"), MASKED), "row 7", False, "row [REDACTED]"),
        ((INFO, ALL), "DEBUG 7", False, "DEBUG 7"),
        # What one policy hides another does not show, whether or not it lets the line through.
        ((ALL, MASKED), "INFO 7", False, "INFO [REDACTED]"),
        ((ALL, MASKED_ERRORS), "INFO 7", False, "INFO [REDACTED]"),
        ((ALL, NARROW_MASKED), "INFO 7", False, "INFO [REDACTED]"),
        ((ERRORS,), "Traceback", False, None),
        ((ERRORS,), "Traceback", True, "Traceback"),
        ((policy(ALICE, kind=SUMMARY, pattern="ERROR"),), "Traceback", True, None),
        ((ERRORS, INFO), "DEBUG", False, None),
        # The filter sees the line as it would be seen, not its colours.
        ((policy(ALICE, pattern="^INFO"),), "\x1b[32mINFO\x1b[0m 7", False, "INFO 7"),
        ((policy(ALICE, pattern="INFO"),), "IN\u200bFO", False, "INFO"),
        ((ALL,), "", False, None),
        ((ALL,), " \t", False, None),
        ((ALL,), "\x1b[0m\u200b", False, None),
    ],
)
def test_a_line_is_told_by_the_policies_that_name_the_account(
    policies: tuple[LogPolicy, ...], line: str, in_summary: bool, seen: str | None
) -> None:
    assert read(ALICE, line, *policies, in_summary=in_summary) == seen


def test_a_line_is_cut_after_it_is_masked() -> None:
    line = "x" * (LINE_CHARACTERS - 3) + " 4111111111111111 and more"
    seen = read(ALICE, line, policy(ALICE, hides=(Entity.CUSTOM,), custom=("[0-9]{16}",)))
    assert seen == "x" * (LINE_CHARACTERS - 3) + " [REDACTED] [cut]"[:11] + " [cut]"


@pytest.mark.parametrize("digits", range(1, 17))
def test_of_a_line_that_the_runtime_has_cut_the_end_is_not_told(digits: int) -> None:
    """16 digits are masked, 15 of them are not: where the runtime's cut goes through them, none is told."""
    # Colours leave little of a line that is as long as the runtime keeps.
    written = "\x1b[31m" * 13_000 + "secret 4111111111111111"[: 7 + digits]
    written = written.rjust(1 << 16, "\x00")
    card = policy(ALICE, hides=(Entity.CUSTOM,), custom=("[0-9]{16}",))
    assert "4" not in (read(ALICE, written, card) or "")


LINES = [
    *(LogLine(number, "stdout", f"row {number}") for number in range(30)),
    *(LogLine(number, "stderr", f"warning {number}", "algo-1") for number in range(30)),
    LogLine(40, "stderr", "Traceback (most recent call last):", "algo-2"),
    *(LogLine(41, "stderr", f"  frame {number}", "algo-2") for number in range(SUMMARY_LINES + 10)),
    LogLine(42, "platform", "Ended: the program ended with exit code 1."),
]


def test_an_error_summary_has_the_platforms_notes_and_the_end_of_stderr() -> None:
    chosen = [LINES[place].text for place in sorted(error_summary(LINES))]
    assert chosen == [
        *(f"warning {number}" for number in range(10, 30)),
        "Traceback (most recent call last):",
        *(f"  frame {number}" for number in range(SUMMARY_LINES + 10)),
        "Ended: the program ended with exit code 1.",
    ]


def test_a_run_that_wrote_nothing_has_an_empty_summary() -> None:
    assert error_summary([]) == frozenset()


def test_a_failure_text_is_masked_by_every_policy_whomever_it_names() -> None:
    policies = [policy(BOB, hides=(Entity.NUMBERS,)), policy(CAROL, hides=(Entity.CUSTOM,), custom=("Smith",))]
    assert redacted_failure("Smith is 41\nor\x1b[0m so", policies, FINDER) == "[REDACTED] is [REDACTED]\nor so"
    assert redacted_failure("Smith is 41", [], FINDER) == "Smith is 41"
    assert redacted_failure("", policies, FINDER) == ""


@pytest.mark.parametrize("at", range(FAILURE_CHARACTERS - 18, FAILURE_CHARACTERS + 2))
def test_a_failure_text_is_cut_after_it_is_masked(at: int) -> None:
    card = policy(BOB, hides=(Entity.CUSTOM,), custom=("[0-9]{16}",))
    text = redacted_failure("x" * at + "4111111111111111" + "y" * 3000, [card], FINDER)
    assert len(text) <= FAILURE_CHARACTERS
    assert not any(letter.isdigit() for letter in text)


def test_without_the_detector_the_failure_text_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal, "is_installed", lambda: False)
    policies = [policy(BOB, hides=(Entity.PERSONAL,))]
    text = redacted_failure("Alice, alice@example.org", policies, FINDER)
    assert "lice" not in text
    assert "pii" in text
    assert redacted_failure(" ", policies, FINDER) == ""
