"""Mail as a real server takes it."""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from support.fakes import NOON
from support.receivers import Mailbox, certificate_for_loopback, mail_receiver, rude_receiver
from whiteroom.domain.observability.notifications import INVITED, NEEDED, Notice, NotificationAddress, Way
from whiteroom.ports.notifications import NotDelivered
from whiteroom.senders.mail import MailSender, MailServer, message_of

ANN = "ann@hospital.example.org"
ADDRESS = NotificationAddress("a-1", "111111111111", Way.EMAIL, ANN, NOON, NOON)
DATA = {"name": "Trees", "status": "CREATE_FAILED", "statusCode": "OutOfMemory"}
NOTICE = Notice("msg_1", "a-1", "c-1", "trained_model.failed", DATA, NOON, NOON)


def send(
    port: int, security: Literal["starttls", "tls", "none"] = "none", notice: Notice = NOTICE, **login: Any
) -> None:
    server = MailServer(host="127.0.0.1", port=port, security=security, sender="room@example.org", **login)
    MailSender(server, wait_seconds=5, all_seconds=10).send(ADDRESS, notice, NOON)


def test_a_mail_says_what_happened_and_whom_it_is_from() -> None:
    with mail_receiver() as mailbox:
        send(mailbox.port)
        (mail,) = mailbox.wait_for(1)
    assert (mail["From"], mail["To"]) == ("Whiteroom <room@example.org>", ANN)
    assert mail["Subject"] == "Whiteroom: trained model 'Trees' failed"
    assert mail["Message-ID"] == "<msg_1@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [word for word in mailbox.recipients if ANN in word] == mailbox.recipients
    text = mail.get_content()
    assert "Trained model 'Trees' failed." in text
    assert "statusCode: OutOfMemory" in text
    assert "id: msg_1" in text


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (INVITED, "Whiteroom: you are invited to the collaboration 'flights'"),
        (NEEDED, "Whiteroom: the collaboration 'flights' waits for you"),
        ("result.delivered", "Whiteroom: result 'flights' delivered"),
        ("protected_query.succeeded", "Whiteroom: protected query 'flights' succeeded"),
    ],
)
def test_each_type_has_a_subject_of_its_own(kind: str, subject: str) -> None:
    notice = replace(NOTICE, type=kind, data={"collaborationName": "flights", "action": "Join."})
    mail = message_of("room@example.org", ADDRESS, notice, NOON)
    assert mail["Subject"] == subject
    assert "\nJoin.\n" in mail.get_content()


@pytest.mark.parametrize(
    "name",
    [
        "a\r\nBcc: eve@evil.test",
        "\x1b[2J",
        "\ud800",
        "\u2028x",
        "n" * 5_000,
        "=?utf-8?q?x?=",
        "=?utf-8?q?=0D=0ABcc:_eve@evil.test?=",
        "é =?utf-8?b?DQpCY2M6IGV2ZUBldmlsLnRlc3Q=?=",
        "=?latin1?q?=0A?= =?latin1?q?=0AThe_server_is_closed:_see_https://evil.test?=",
        "==??utf-8?q?=0D=0A=0D=0Ax?=",
        "=?us-ascii?q?=1B[2J?=",
    ],
)
def test_a_name_writes_no_header_no_line_and_nothing_without_end(name: str) -> None:
    notice = replace(NOTICE, data={"name": name})
    with mail_receiver() as mailbox:
        send(mailbox.port, notice=notice)
        (mail,) = mailbox.wait_for(1)
    assert mail.keys() == _sent_headers("trees")
    assert str(mail["Subject"]).isprintable()
    assert len(mail["Subject"]) < 200
    assert mailbox.recipients == [f"rcpt TO:<{ANN}>"]
    lines = [line for line in mail.get_content().splitlines() if line.startswith("name: ")]
    assert len(lines) == 1


def _sent_headers(name: str) -> list[str]:
    with mail_receiver() as mailbox:
        send(mailbox.port, notice=replace(NOTICE, data={"name": name}))
        (mail,) = mailbox.wait_for(1)
    return mail.keys()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_and_password_go_by_tls_to_a_certificate_that_is_trusted(
    security: Literal["starttls", "tls"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for_loopback(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_receiver(certificate, tls_at_once=security == "tls") as mailbox:
        send(mailbox.port, security, user="room", password="p4ss")
        mailbox.wait_for(1)
    assert mailbox.over_tls
    assert [b64decode(login.split()[-1]) for login in mailbox.logins] == [b"\0room\0p4ss"]


def test_a_server_without_tls_or_with_another_certificate_gets_no_password_and_no_mail(tmp_path: Path) -> None:
    certificate = certificate_for_loopback(tmp_path)
    with mail_receiver() as plain, mail_receiver(certificate) as unknown:
        for mailbox in (plain, unknown):
            with pytest.raises(NotDelivered):
                send(mailbox.port, "starttls", user="room", password="p4ss")
            _nothing_came(mailbox)


def _nothing_came(mailbox: Mailbox) -> None:
    assert (mailbox.logins, mailbox.mails, mailbox.recipients) == ([], [], [])


def test_a_recipient_that_is_refused_is_told_by_its_code_and_by_no_word_of_the_server() -> None:
    with mail_receiver() as mailbox:
        mailbox.refuse = b"550 \x1b[2J go away"
        with pytest.raises(NotDelivered, match=r"refused the recipient \(550\)"):
            send(mailbox.port)


def test_without_a_server_nothing_is_sent_and_the_operator_is_told_what_to_set() -> None:
    with pytest.raises(NotDelivered, match="smtp_host"):
        MailSender(None).send(ADDRESS, NOTICE, NOON)


def _silent(_: socket.socket) -> None:
    """Takes the connection, and says nothing."""


def _endless(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"220-more\r\n" * 100)
        time.sleep(0.02)  # what it is about: a server that draws its answer out


def test_a_server_that_floods_is_heard_no_further_than_some_lines() -> None:
    def talk(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"220-more\r\n" * 1_000)

    with rude_receiver(talk) as port:
        server = MailServer(host="127.0.0.1", port=port, security="none", sender="room@example.org")
        with pytest.raises(NotDelivered, match="could not be asked"):  # and not that it took too long
            MailSender(server, wait_seconds=60, all_seconds=60).send(ADDRESS, NOTICE, NOON)


def _garbled(connection: socket.socket) -> None:
    connection.sendall(b"\xff\x00\r\n")
    connection.close()


@pytest.mark.parametrize("talk", [_silent, _endless, _garbled])
def test_whatever_a_mail_server_does_it_is_over_in_time_and_leaves_no_thread(
    talk: Callable[[socket.socket], None],
) -> None:
    before = set(threading.enumerate())
    with rude_receiver(talk) as port:
        server = MailServer(host="127.0.0.1", port=port, security="none", sender="room@example.org")
        with pytest.raises(NotDelivered):
            MailSender(server, wait_seconds=0.3, all_seconds=0.6).send(ADDRESS, NOTICE, NOON)
    assert set(threading.enumerate()) == before
