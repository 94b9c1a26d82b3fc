"""What a notice has in it, and how long is waited between its tries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.fakes import NOON
from support.worlds.records import a_channel, a_model
from whiteroom.domain.execution.failures import MEANING, StatusCode
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.observability.notifications import (
    ENDS,
    LONGEST_WAIT,
    MOST_TRIES,
    NOUNS,
    NotificationAddress,
    OutboxEntry,
    Way,
    end_data,
    has_come,
    next_try,
    notice,
    pause,
)
from whiteroom.ports.store import Work

ADDRESS = NotificationAddress("a-1", "111111111111", Way.EMAIL, "a@b.test", NOON, NOON)


def entry(event: Event = Event.FAILED, code: str | None = "OutOfMemory") -> OutboxEntry:
    return OutboxEntry("trained_models/m/3", "trained_models", "m", event, "CREATE_FAILED", code, NOON)


def test_every_kind_of_work_has_a_name_in_types() -> None:
    assert set(NOUNS) == {work.value for work in Work}
    assert all(letter.islower() or letter == "_" for name in (*NOUNS.values(), *ENDS.values()) for letter in name)


@pytest.mark.parametrize("code", list(StatusCode))
def test_a_failure_is_told_by_what_its_code_means(code: StatusCode) -> None:
    model = a_model("m", NOON, a_channel("c", NOON), status_code=code.value, status_message="row 7: patient zero")
    data = end_data(entry(code=code.value), model)
    assert (data["statusCode"], data["meaning"]) == (code.value, MEANING[code])
    assert "patient" not in str(data)


def test_of_a_job_only_what_it_is_called_and_how_it_ended_is_told() -> None:
    model = a_model("m", NOON, a_channel("c", NOON), status_message="words", hyperparameters={"secret": "1"})
    assert set(end_data(entry(Event.SUCCEEDED, None), model)) == {
        *("resource", "id", "name", "versionIdentifier", "status")
    }


def test_the_same_thing_has_the_same_id_and_no_other_thing_has() -> None:
    first = notice(ADDRESS, "t.a", "x", "c", {}, NOON)
    assert first == notice(ADDRESS, "t.a", "x", "c", {}, NOON)
    other = NotificationAddress("a-2", ADDRESS.account_id, Way.EMAIL, "a@b.test", NOON, NOON)
    others = [
        notice(other, "t.a", "x", "c", {}, NOON),
        notice(ADDRESS, "t.b", "x", "c", {}, NOON),
        notice(ADDRESS, "t.a", "y", "c", {}, NOON),
        notice(ADDRESS, "t.a", "x", "c", {}, NOON + timedelta(microseconds=1)),
    ]
    assert len({first.id, *(one.id for one in others)}) == 5
    assert "." not in first.id  # what is signed is parted by dots


def test_tries_come_ever_later_and_end_within_four_days() -> None:
    waits = [next_try(tries) for tries in range(1, MOST_TRIES)]
    assert None not in waits
    assert waits == sorted(filter(None, waits))
    assert next_try(MOST_TRIES) is None
    assert sum(filter(None, waits), timedelta()) == LONGEST_WAIT < timedelta(days=4)


def test_an_address_is_left_alone_ever_longer_up_to_five_minutes() -> None:
    pauses = [pause(failures) for failures in range(1, 200)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=5), timedelta(minutes=5))


@pytest.mark.parametrize(
    ("ahead", "come"),
    [(timedelta(0), True), (timedelta(seconds=1), False), (timedelta(hours=24), False), (timedelta(days=2), True)],
)
def test_what_is_due_further_ahead_than_anybody_waits_is_due(ahead: timedelta, come: bool) -> None:
    assert has_come(NOON + ahead, NOON) is come
