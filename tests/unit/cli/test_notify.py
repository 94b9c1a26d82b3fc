"""`whiteroom notify`, with real receivers, and what `doctor` says of them."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from datetime import timedelta

import pytest

from support.command import CommandLine
from support.receivers import http_receiver, mail_receiver
from whiteroom.base.clock import utc_now
from whiteroom.domain.execution.runs import Finding, SandboxReport
from whiteroom.domain.observability.notifications import Need, notice
from whiteroom.sealed_store import open_store
from whiteroom.settings import Settings
from whiteroom.settings_loading import load_settings

ALICE, BOB = "111111111111", "222222222222"
URL = "https://hooks.example.org/services/T0/secret"
OF_ALICE = ("--account", ALICE)


@pytest.fixture
def cli(cli: CommandLine) -> CommandLine:
    for account in (ALICE, BOB):
        cli("accounts", "add", account)
    return cli


def settings(cli: CommandLine) -> Settings:
    return load_settings(cli.data, {})


def test_an_address_is_named_listed_and_removed_and_its_url_and_secret_are_shown_no_more(cli: CommandLine) -> None:
    added = cli("notify", "add", *OF_ALICE, "--url", URL, "--json").json
    assert (added["accountId"], added["kind"], added["place"]) == (ALICE, "webhook", "https://hooks.example.org")
    assert len(b64decode(added.pop("secret").removeprefix("whsec_"))) == 32
    assert cli("notify", "list", *OF_ALICE, "--json").json == [added]
    assert cli("notify", "list", "--account", BOB, "--json").json == []
    assert "secret" not in cli("notify", "list").out
    removed = cli("notify", "remove", added["id"], "--json").json
    assert removed == {"accountId": ALICE, "id": added["id"], "removed": True}
    assert cli("notify", "list", "--json").json == []
    store = open_store(settings(cli))
    assert store.secret_names("webhook ") == []
    store.close()


def test_people_are_shown_the_secret_alone_on_standard_output(cli: CommandLine) -> None:
    answer = cli("notify", "add", *OF_ALICE, "--url", URL)
    assert answer.out.splitlines()[-1].startswith("whsec_")
    assert "not shown again" in answer.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "Name one place"),
        (("--url", URL, "--email", "a@b.test"), "Name one place"),
        (("--url", "http://10.0.0.1/"), "http is for loopback alone"),
        (("--url", "nowhere"), "no URL of a webhook"),
        (("--email", "a b@c.test"), "not an address of e-mail"),
        (("--email", "a@b.test\nBcc: c@d.test"), "not an address of e-mail"),
    ],
)
def test_what_is_no_place_is_refused_with_a_sentence(cli: CommandLine, options: tuple[str, ...], told: str) -> None:
    answer = cli("notify", "add", *OF_ALICE, *options)
    assert (answer.code, answer.out) == (1, "")
    assert told in answer.err
    assert cli("notify", "list", "--json").json == []


def test_an_account_that_is_not_there_is_refused(cli: CommandLine) -> None:
    answer = cli("notify", "add", "--account", "333333333333", "--url", URL)
    assert answer.code == 1
    assert "no account 333333333333" in answer.err


def test_a_test_notice_is_signed_with_the_secret_that_was_shown(cli: CommandLine) -> None:
    with http_receiver() as receiver:
        added = cli("notify", "add", *OF_ALICE, "--url", receiver.url, "--json").json
        answer = cli("notify", "test", added["id"], "--json")
        assert answer.code == 0, answer.err
        (posted,) = receiver.posted
        receiver.answers = [503]
        refused = cli("notify", "test", added["id"])
    assert json.loads(posted.body)["type"] == "notification.test"
    assert posted.headers["webhook-id"] == answer.json["notice"]
    text = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    key = b64decode(added["secret"].removeprefix("whsec_"))
    assert posted.headers["webhook-signature"] == f"v1,{b64encode(hmac.digest(key, text, hashlib.sha256)).decode()}"
    assert refused.code == 1
    assert "503" in refused.err


def test_a_test_by_mail_goes_through_the_server_of_the_settings(cli: CommandLine) -> None:
    added = cli("notify", "add", *OF_ALICE, "--email", "ann@hospital.test", "--json").json
    without = cli("notify", "test", added["id"])
    assert without.code == 1
    assert "smtp_host" in without.err
    with mail_receiver() as mailbox:
        told = ('smtp_host = "127.0.0.1"', f"smtp_port = {mailbox.port}", 'smtp_from = "room@example.org"')
        (cli.data / "whiteroom.toml").write_text("\n".join((*told, 'smtp_security = "none"')))
        assert cli("notify", "test", added["id"]).code == 0
        (mail,) = mailbox.wait_for(1)
    assert mail["Subject"] == "Whiteroom: a test"


def test_an_address_that_is_not_there_is_refused(cli: CommandLine) -> None:
    for command in ("remove", "test"):
        answer = cli("notify", command, "nothing")
        assert answer.code == 1
        assert "whiteroom notify list" in answer.err


def test_what_waits_and_what_fails_is_listed_and_goes_with_its_address_or_its_account(cli: CommandLine) -> None:
    ids = [cli("notify", "add", *OF_ALICE, "--url", URL, "--json").json["id"] for _ in range(2)]
    store = open_store(settings(cli))
    now = utc_now()
    with store.transaction() as tx:
        for place, address_id in enumerate(ids):
            address = tx.notification_addresses.get(address_id)
            assert address is not None
            tx.notices.add(notice(address, "notification.test", "x", "c", {}, now))
            tx.needs.add(Need(f"n-{place}", address_id, "c", "Do it.", is_told=True, created_at=now))
            changed = {"failures": 3, "failing_since": now, "problem": "It answered 500.", "given_up": 2}
            tx.notification_addresses.update(address, **changed)
    row = cli("notify", "list", "--json").json[0]
    assert (row["waiting"], row["givenUp"], row["problem"]) == (1, 2, "It answered 500.")
    assert row["failingSince"] == now.isoformat()
    cli("notify", "remove", ids[0])
    assert cli("accounts", "remove", ALICE).code == 0
    with store.reading() as tx:
        assert (tx.notification_addresses.all(), tx.notices.count(1), tx.needs.count(1)) == ((), 0, 0)
    assert store.secret_names("webhook ") == []
    store.close()


def test_doctor_tells_of_an_address_that_fails_for_an_hour_and_what_to_do(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = SandboxReport(usable=True, findings=(Finding("bubblewrap", ok=True, detail="0.11."),))
    monkeypatch.setattr("whiteroom.cli.doctor.sandbox_report", lambda _settings: sealed)

    def told() -> list[tuple[bool, str, str]]:
        findings = cli("doctor", "--json").json["findings"]
        return [(one["ok"], one["detail"], one["remedy"]) for one in findings if one["name"] == "notifications"]

    assert told() == []
    added = cli("notify", "add", *OF_ALICE, "--url", URL, "--json").json
    assert [ok for ok, _, _ in told()] == [True]
    store = open_store(settings(cli))
    for since, ok in ((timedelta(minutes=50), True), (timedelta(hours=2), False)):
        with store.transaction() as tx:
            address = tx.notification_addresses.get(added["id"])
            assert address is not None
            fails = {"failures": 9, "failing_since": utc_now() - since, "problem": "It answered 500."}
            tx.notification_addresses.update(address, **fails)
        assert [one[0] for one in told()] == [ok]
    store.close()
    (_, detail, remedy) = told()[0]
    assert all(text in detail for text in ("https://hooks.example.org", ALICE, "9 tries", "It answered 500."))
    assert f"whiteroom notify test {added['id']}" in remedy
    cli("notify", "remove", added["id"])
    cli("notify", "add", *OF_ALICE, "--email", "ann@hospital.test")
    assert [(ok, "smtp_host" in remedy) for ok, _, remedy in told()] == [(False, True)]
