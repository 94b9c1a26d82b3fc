"""What every implementation of ports.notifications.Sender keeps to. Subclass, and give the fixtures.

`sender` is what is tested, whose receiver takes what it is sent; `received` gives the text of each notice that the
receiver has, in order; `sender_in_vain` is one whose receiver takes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from whiteroom.domain.observability.notifications import Notice, NotificationAddress
from whiteroom.ports.notifications import NotDelivered, Sender

Received = Callable[[int], list[str]]
"""The texts of so many notices, once they are there."""


class SenderSuite:
    ports = (Sender,)

    def test_a_notice_that_is_sent_is_what_the_receiver_has(
        self, sender: Sender, received: Received, address: NotificationAddress, notice: Notice
    ) -> None:
        sender.send(address, notice, notice.created_at)
        (text,) = received(1)
        assert notice.id in text
        assert notice.data["name"] in text

    def test_to_repeat_a_notice_sends_it_once_more_under_its_own_id(
        self, sender: Sender, received: Received, address: NotificationAddress, notice: Notice
    ) -> None:
        for _ in range(2):
            sender.send(address, notice, notice.created_at)
        assert [notice.id in text for text in received(2)] == [True, True]

    def test_what_is_not_taken_is_told_in_a_sentence_and_may_be_sent_again(
        self, sender_in_vain: Sender, address: NotificationAddress, notice: Notice
    ) -> None:
        for _ in range(2):
            with pytest.raises(NotDelivered) as told:
                sender_in_vain.send(address, notice, notice.created_at)
            assert str(told.value).endswith(".")

    def test_it_is_safe_from_any_thread(
        self, sender: Sender, received: Received, address: NotificationAddress, notice: Notice
    ) -> None:
        notices = [replace(notice, id=f"msg_{number}") for number in range(8)]
        with ThreadPoolExecutor(4) as threads:
            for done in [threads.submit(sender.send, address, one, one.created_at) for one in notices]:
                done.result()
        texts = received(len(notices))
        assert all(any(one.id in text for text in texts) for one in notices)
