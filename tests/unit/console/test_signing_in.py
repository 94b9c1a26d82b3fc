from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from support.console import OpenConsole, open_console, text_of
from support.fakes import NOON, FakeClock
from whiteroom.base.callers import Role
from whiteroom.console.signing_in import MOST_SESSIONS, NOTED, NOTED_TIME
from whiteroom.domain.resources.accounts import AccessKey, AccessKeyStatus, Account, Standing, User
from whiteroom.domain.resources.console_sessions import (
    IDLE_TIME,
    LINK_TIME,
    MOST_OF_A_USER,
    MOST_SIGN_INS,
    OPERATOR,
    SESSION_TIME,
    Outcome,
    Way,
    digest,
    new_link,
    sign_in,
)

ACME, OTHERS = "111122223333", "444455556666"
KEY, SECRET = "WRKAAAAAAAAAAAAAAAAA", "a-secret-of-forty-characters-xxxxxxxxxxx"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def console(tmp_path: Path, clock: FakeClock) -> Iterator[OpenConsole]:
    with open_console(tmp_path / "data", dev=False, clock=clock) as opened:
        with opened.store.transaction() as tx:
            for account in (ACME, OTHERS):
                tx.accounts.add(Account(account, "name", NOON))
            tx.users.add(User("AIDA1", ACME, "alice", Role.ADMINISTRATOR, NOON))
            tx.users.add(User("AIDA2", ACME, "bob", Role.ANALYST, NOON))
            tx.users.add(User("AIDA3", OTHERS, "carol", Role.ADMINISTRATOR, NOON))
            tx.access_keys.add(AccessKey(KEY, ACME, SECRET, AccessKeyStatus.ACTIVE, NOON, "AIDA1"))
            tx.access_keys.add(AccessKey("WRKAB", ACME, SECRET, AccessKeyStatus.ACTIVE, NOON, "AIDA2"))
            tx.access_keys.add(AccessKey("WRKAC", OTHERS, SECRET, AccessKeyStatus.ACTIVE, NOON, "AIDA3"))
        yield opened


def entries(console: OpenConsole, account: str = ACME) -> list[tuple[str, Way, Outcome, str]]:
    with console.store.reading() as tx:
        return [(one.user, one.way, one.outcome, one.reason) for one in tx.sign_ins.all(account_id=account)]


def a_link(console: OpenConsole, account: str, user_id: str, secret: str = "link") -> str:
    with console.store.transaction() as tx:
        tx.console_links.add(new_link(account, user_id, secret, NOON))
    return secret


def test_a_key_with_its_secret_signs_its_user_in_and_that_is_written_down(console: OpenConsole) -> None:
    browser = console.browser()
    assert browser.sign_in(KEY, SECRET).status_code == 303
    assert f"alice of {ACME}, administrator" in browser.get("/console").text
    assert entries(console) == [("alice", Way.ACCESS_KEY, Outcome.SIGNED_IN, "")]


@pytest.mark.parametrize(
    ("key", "secret"), [(KEY, SECRET + "x"), (KEY, ""), ("WRKAUNKNOWN", SECRET), ("", ""), (ACME, ""), (KEY, "\udcff")]
)
def test_nobody_is_told_whether_it_was_the_key_or_the_secret(console: OpenConsole, key: str, secret: str) -> None:
    answer = console.browser().sign_in(key, secret.encode("utf-8", "replace").decode())
    assert answer.status_code == 403
    assert "There is no such access key, or the secret is not its." in text_of(answer.text)
    assert "set-cookie" not in answer.headers


def test_a_refusal_of_a_key_that_is_there_is_told_to_its_account_alone(console: OpenConsole) -> None:
    console.browser().sign_in(KEY, "wrong")
    assert entries(console) == [("alice", Way.ACCESS_KEY, Outcome.REFUSED, "The secret was wrong.")]
    assert entries(console, OTHERS) == []
    console.browser().sign_in("WRKAUNKNOWN", "wrong")
    assert len(entries(console)) == 1


def test_a_wrong_secret_never_reaches_a_page_or_what_is_kept(console: OpenConsole, tmp_path: Path) -> None:
    answer = console.browser().sign_in(KEY, "my-other-password")
    assert "my-other-password" not in answer.text
    kept = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert b"my-other-password" not in kept


def test_neither_a_cookie_nor_a_link_is_kept_as_it_is(console: OpenConsole, tmp_path: Path) -> None:
    browser = console.browser()
    browser.sign_in(KEY, SECRET)
    (cookie,) = browser.client.cookies.values()
    kept = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert digest(cookie).encode() in kept
    assert cookie.encode() not in kept


def test_a_session_ends_with_its_key_its_user_and_its_account(console: OpenConsole) -> None:
    def with_changed(kind: str, record_id: str, **changes: object) -> int:
        browser = console.browser()
        browser.sign_in(KEY, SECRET)
        assert browser.get("/console").status_code == 200
        with console.store.transaction() as tx:
            before = getattr(tx, kind).get(record_id)
            getattr(tx, kind).update(before, **changes)
        status = browser.get("/console").status_code
        with console.store.transaction() as tx:
            restored = {name: getattr(before, name) for name in changes}
            getattr(tx, kind).update(getattr(tx, kind).get(record_id), **restored)
        return status

    assert with_changed("access_keys", KEY, status=AccessKeyStatus.INACTIVE) == 401
    assert with_changed("users", "AIDA1", standing=Standing.DISABLED) == 401
    assert with_changed("accounts", ACME, standing=Standing.DISABLED) == 401


def test_a_session_has_the_role_that_its_user_has_now(console: OpenConsole) -> None:
    browser = console.browser()
    browser.sign_in(KEY, SECRET)
    with console.store.transaction() as tx:
        user = tx.users.get("AIDA1")
        assert user is not None
        tx.users.update(user, role=Role.ANALYST)
    assert f"alice of {ACME}, analyst" in browser.get("/console").text


def test_a_session_ends_by_its_time_and_when_nothing_is_asked_for(console: OpenConsole, clock: FakeClock) -> None:
    browser = console.browser()
    browser.sign_in(KEY, SECRET)
    for _ in range(SESSION_TIME // IDLE_TIME):
        clock.forward((IDLE_TIME - timedelta(minutes=2)).total_seconds())
        assert browser.get("/console").status_code == 200
    clock.forward((IDLE_TIME).total_seconds())
    answer = browser.get("/console")
    assert answer.status_code == 401
    assert "Nothing was asked for in 30 minutes" in text_of(answer.text)
    browser.sign_in(KEY, SECRET)
    for _ in range(SESSION_TIME // IDLE_TIME * 2):
        clock.forward((IDLE_TIME / 2).total_seconds())
        answer = browser.get("/console")
    assert answer.status_code == 401
    assert "Sessions last 8 hours" in text_of(answer.text)


def test_a_link_takes_its_user_in_once(console: OpenConsole) -> None:
    secret = a_link(console, ACME, "AIDA2")
    browser = console.browser()
    assert browser.get("/console/link").status_code == 200, "to look at a link uses nothing up"
    assert browser.send("/console/link", secret=secret).status_code == 303
    assert f"bob of {ACME}, analyst" in browser.get("/console").text
    again = console.browser().send("/console/link", secret=secret)
    assert again.status_code == 403
    assert "used already" in text_of(again.text)
    assert entries(console) == [("bob", Way.LINK, Outcome.SIGNED_IN, "")]


def test_a_link_is_too_old_after_ten_minutes(console: OpenConsole, clock: FakeClock) -> None:
    secret = a_link(console, ACME, "AIDA2")
    clock.forward((LINK_TIME).total_seconds())
    assert console.browser().send("/console/link", secret=secret).status_code == 403
    assert entries(console) == [("bob", Way.LINK, Outcome.REFUSED, "The link was too old.")]


def test_a_link_of_a_user_that_is_disabled_or_another_accounts_takes_nobody_in(console: OpenConsole) -> None:
    with console.store.transaction() as tx:
        user = tx.users.get("AIDA2")
        assert user is not None
        tx.users.update(user, standing=Standing.DISABLED)
    for number, (account, user_id) in enumerate([(ACME, "AIDA2"), (ACME, "AIDA3"), (ACME, ""), ("999988887777", "")]):
        secret = a_link(console, account, user_id, f"link {number}")
        assert console.browser().send("/console/link", secret=secret).status_code == 403


def test_a_link_for_the_operator_takes_nobody_in_as_a_member(console: OpenConsole) -> None:
    browser = console.browser()
    browser.send("/console/link", secret=a_link(console, OPERATOR, ""))
    page = browser.get("/console")
    assert "signed in as the operator" in text_of(page.text)
    assert browser.get("/console/collaborations/00000000-0000-4000-8000-000000000000").status_code == 404


def test_however_much_anybody_guesses_whoever_has_the_right_secret_or_link_is_taken_in(console: OpenConsole) -> None:
    stranger = console.browser()
    for number in range(25):
        assert stranger.sign_in(KEY, f"guess {number}").status_code == 403
        assert stranger.sign_in(f"WRKA{number}", "guess").status_code == 403
        assert stranger.send("/console/link", secret=f"guess {number}").status_code == 403
    assert console.browser().sign_in(KEY, SECRET).status_code == 303
    assert console.browser().sign_in("WRKAB", SECRET).status_code == 303
    assert console.browser().send("/console/link", secret=a_link(console, ACME, "AIDA2")).status_code == 303


def test_who_knows_no_key_and_no_link_takes_no_turn_of_those_who_write(console: OpenConsole, tmp_path: Path) -> None:
    signed_in, stranger = console.browser(), console.browser()
    signed_in.sign_in(KEY, SECRET)
    writing = console.whiteroom.inside().turns._writing
    assert writing is not None
    writing.connection.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(tmp_path / "data" / "whiteroom.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert stranger.sign_in("WRKAUNKNOWN", "guess").status_code == 403
        assert stranger.send("/console/link", secret="guess").status_code == 403
        assert signed_in.get("/console").status_code == 200
        assert stranger.sign_in(KEY, SECRET).status_code == 500
        other.execute("ROLLBACK")
    assert stranger.sign_in(KEY, SECRET).status_code == 303


def test_ten_refusals_of_a_key_are_written_down_in_five_minutes_however_many_there_are(
    console: OpenConsole, clock: FakeClock
) -> None:
    stranger = console.browser()
    for _ in range(2):
        for number in range(2 * NOTED):
            stranger.sign_in(KEY, f"guess {number}")
        stranger.sign_in("WRKAC", "guess")
        clock.forward(NOTED_TIME.total_seconds())
    refused = [outcome for *_, outcome, _ in entries(console)]
    assert refused == [Outcome.REFUSED] * 2 * NOTED
    assert len(entries(console, OTHERS)) == 2, "another key has refusals of its own"


def test_a_user_who_signs_in_again_and_again_has_so_many_sessions_and_ends_nobody_elses(
    console: OpenConsole, clock: FakeClock
) -> None:
    alice, first, second = console.browser(), console.browser(), console.browser()
    alice.sign_in(KEY, SECRET), first.sign_in("WRKAB", SECRET), second.sign_in("WRKAB", SECRET)
    clock.forward(120)
    assert first.get("/console").status_code == 200, "and so the second was used the longest ago"
    for _ in range(MOST_SESSIONS - 1):
        console.browser().sign_in("WRKAB", SECRET)
    with console.store.reading() as tx:
        held = [one.user_id for one in tx.console_sessions.all(account_id=ACME)]
    assert (held.count("AIDA1"), held.count("AIDA2")) == (1, MOST_SESSIONS)
    assert alice.get("/console").status_code == first.get("/console").status_code == 200
    assert second.get("/console").status_code == 401


def test_whoever_signs_in_again_and_again_pushes_out_no_entry_of_anybody_elses(console: OpenConsole) -> None:
    console.browser().sign_in(KEY, "wrong")
    console.browser().sign_in(KEY, SECRET)
    for _ in range(MOST_OF_A_USER + 5):
        console.browser().sign_in("WRKAB", SECRET)
    kept = [user for user, *_ in entries(console)]
    assert (kept.count("alice"), kept.count("bob")) == (2, MOST_OF_A_USER)


def test_pages_are_shown_where_nothing_can_be_written(console: OpenConsole, clock: FakeClock) -> None:
    browser = console.browser()
    browser.sign_in(KEY, SECRET)
    clock.forward(120)
    writing = console.whiteroom.inside().turns._writing
    assert writing is not None
    writing.connection.execute("PRAGMA query_only = 1")
    assert browser.get("/console").status_code == 200
    assert console.browser().sign_in(KEY, SECRET).status_code == 500
    writing.connection.execute("PRAGMA query_only = 0")
    assert console.browser().sign_in(KEY, SECRET).status_code == 303


def test_an_administrator_ends_any_session_of_the_account_and_nobody_elses(console: OpenConsole) -> None:
    alice, bob, carol = console.browser(), console.browser(), console.browser()
    alice.sign_in(KEY, SECRET), bob.sign_in("WRKAB", SECRET), carol.sign_in("WRKAC", SECRET)
    session = {
        name: digest(next(iter(one.client.cookies.values())))
        for name, one in {"alice": alice, "bob": bob, "carol": carol}.items()
    }
    assert session["bob"] in alice.get("/console/sign-ins").text
    assert session["alice"] not in bob.get("/console/sign-ins").text
    assert session["carol"] not in alice.get("/console/sign-ins").text
    bob.press("/console/sign-ins/end", session=session["alice"])
    alice.press("/console/sign-ins/end", session=session["carol"])
    assert alice.get("/console").status_code == carol.get("/console").status_code == 200
    alice.press("/console/sign-ins/end", session=session["bob"])
    assert bob.get("/console").status_code == 401


def test_a_user_who_is_no_administrator_sees_its_own_sign_ins(console: OpenConsole) -> None:
    alice, bob = console.browser(), console.browser()
    alice.sign_in(KEY, SECRET), bob.sign_in("WRKAB", SECRET)
    assert "alice" not in text_of(bob.get("/console/sign-ins").text)
    assert "bob" in text_of(alice.get("/console/sign-ins").text)


def test_no_more_than_so_many_entries_of_an_account_are_kept(console: OpenConsole) -> None:
    with console.store.transaction() as tx:
        for number in range(MOST_SIGN_INS):
            at = NOON - timedelta(seconds=MOST_SIGN_INS - number)
            tx.sign_ins.add(sign_in(ACME, f"user {number}", Way.LINK, Outcome.REFUSED, at))
    with console.store.transaction() as tx:
        tx.sign_ins.add(sign_in(OTHERS, "carol", Way.LINK, Outcome.REFUSED, NOON))
    console.browser().sign_in(KEY, SECRET)
    kept = [user for user, *_ in entries(console)]
    assert len(kept) == MOST_SIGN_INS
    assert "user 0" not in kept
    assert len(entries(console, OTHERS)) == 1
