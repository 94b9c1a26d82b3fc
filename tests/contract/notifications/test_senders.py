"""Webhooks to a real HTTP server, mail to a real SMTP server, and the sender that other tests take their place with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.notifications.suite import Received, SenderSuite
from support.fakes import NOON
from support.notified import FakeSender
from support.receivers import Mailbox, Receiver, http_receiver, mail_receiver
from whiteroom.domain.observability.notifications import Notice, NotificationAddress, Way, Webhook
from whiteroom.senders.mail import MailSender, MailServer
from whiteroom.senders.webhooks import WebhookSender

ACCOUNT = "111111111111"


@pytest.fixture
def notice() -> Notice:
    data = {"name": "trees", "status": "CREATE_FAILED", "statusCode": "OutOfMemory"}
    return Notice("msg_first", "a-1", "c-1", "trained_model.failed", data, NOON, NOON)


class TestWebhooks(SenderSuite):
    adapters = (WebhookSender,)

    @pytest.fixture
    def address(self) -> NotificationAddress:
        return NotificationAddress("a-1", ACCOUNT, Way.WEBHOOK, "http://127.0.0.1", NOON, NOON)

    @pytest.fixture
    def receiver(self) -> Iterator[Receiver]:
        with http_receiver() as opened:
            yield opened

    @pytest.fixture
    def sender(self, receiver: Receiver) -> WebhookSender:
        return WebhookSender(lambda _: Webhook(receiver.url, bytes(32)))

    @pytest.fixture
    def received(self, receiver: Receiver) -> Received:
        return lambda count: [f"{one.headers['webhook-id']} {one.body.decode()}" for one in receiver.wait_for(count)]

    @pytest.fixture
    def sender_in_vain(self, receiver: Receiver) -> WebhookSender:
        receiver.answers = [500, 404]
        return WebhookSender(lambda _: Webhook(receiver.url, bytes(32)))


class TestMail(SenderSuite):
    adapters = (MailSender,)

    @pytest.fixture
    def address(self) -> NotificationAddress:
        return NotificationAddress("a-1", ACCOUNT, Way.EMAIL, "ann@hospital.example.org", NOON, NOON)

    @pytest.fixture
    def mailbox(self) -> Iterator[Mailbox]:
        with mail_receiver() as opened:
            yield opened

    @pytest.fixture
    def sender(self, mailbox: Mailbox) -> MailSender:
        return MailSender(MailServer(host="127.0.0.1", port=mailbox.port, security="none", sender="room@example.org"))

    @pytest.fixture
    def received(self, mailbox: Mailbox) -> Received:
        return lambda count: [f"{mail['Message-ID']} {mail.get_content()}" for mail in mailbox.wait_for(count)]

    @pytest.fixture
    def sender_in_vain(self, mailbox: Mailbox, sender: MailSender) -> MailSender:
        mailbox.refuse = b"550 no"
        return sender


class TestFake(SenderSuite):
    adapters = (FakeSender,)

    @pytest.fixture
    def address(self) -> NotificationAddress:
        return NotificationAddress("a-1", ACCOUNT, Way.WEBHOOK, "https://hooks.test", NOON, NOON)

    @pytest.fixture
    def sender(self) -> FakeSender:
        return FakeSender()

    @pytest.fixture
    def received(self, sender: FakeSender) -> Received:
        return lambda count: [f"{notice.id} {notice.data}" for _, notice in sender.taken[:count]]

    @pytest.fixture
    def sender_in_vain(self) -> FakeSender:
        return FakeSender(problem="Nobody is there.")
