"""The certificate in use follows its files, as far as these are a pair."""

from __future__ import annotations

import errno
import logging
import os
import threading
from datetime import datetime
from pathlib import Path

import pytest

from support.certificates import DAY, NOW, Authority, Files, issue
from whiteroom.wire.certificates import CertificateUnusable
from whiteroom.wire.current_certificate import CurrentCertificate

WHERE = "whiteroom.wire.current_certificate"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return issue(Authority(), tmp_path, "room.example.org")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, WHERE)
    return caplog


def current(files: Files, clock: Clock) -> CurrentCertificate:
    return CurrentCertificate(files.cert, files.key, clock)


def test_there_is_none_without_its_files(files: Files, clock: Clock) -> None:
    files.key.unlink()
    with pytest.raises(CertificateUnusable):
        current(files, clock)


def test_new_connections_get_what_is_in_the_files_now(
    files: Files, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    certificate = current(files, clock)
    first = certificate.context()
    certificate.look()
    assert certificate.context() is first
    assert log.messages == []
    issue(Authority(), files.cert.parent, "new.example.org", ends_at=NOW + 50 * DAY)
    certificate.look()
    assert certificate.context() is not first
    assert certificate.ends_at == NOW + 50 * DAY
    assert [text for text in log.messages if "for new.example.org, valid until" in text]


def test_files_that_cannot_be_used_leave_the_last_that_could_and_are_told_once(
    files: Files, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    certificate = current(files, clock)
    first, key = certificate.context(), files.key.read_bytes()
    files.key.write_bytes(b"half of")
    for _ in range(3):
        certificate.look()
    assert certificate.context() is first
    assert len(log.messages) == 1
    certificate.look(asked=True)
    assert len(log.messages) == 2
    files.key.write_bytes(key)
    certificate.look()
    files.key.write_bytes(b"half of")
    certificate.look()
    assert len(log.messages) == 3


def test_whatever_goes_wrong_while_files_are_read_the_next_that_can_be_used_is_taken(
    files: Files, clock: Clock, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = current(files, clock)
    told = threading.Event()
    monkeypatch.setattr(log.handler, "emit", lambda _: told.set())

    def no_descriptor(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    certificate.start()
    try:
        for _ in range(2):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "memfd_create", no_descriptor)
                told.clear()
                certificate.look_soon()
                assert told.wait(60)
        issue(Authority(), files.cert.parent, "new.example.org", ends_at=NOW + 50 * DAY)
        told.clear()
        certificate.look_soon()
        assert told.wait(60)
        assert certificate.ends_at == NOW + 50 * DAY
    finally:
        certificate.close()


def test_the_operator_who_asks_is_told_that_nothing_has_changed(
    files: Files, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    certificate = current(files, clock)
    certificate.look(asked=True)
    assert [text for text in log.messages if text.startswith("The certificate is the same: for room.example.org")]


def test_the_end_of_its_time_is_told_at_the_start_and_once_a_day_until_it_is_renewed(
    files: Files, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    clock.now = NOW + 88 * DAY
    certificate = current(files, clock)
    assert len(log.messages) == 1
    assert "expires at" in log.messages[0]
    certificate.look()
    assert len(log.messages) == 1
    clock.now += DAY
    certificate.look()
    assert len(log.messages) == 2
    assert "It expired at" in log.messages[1]
    issue(Authority(), files.cert.parent, "room.example.org", ends_at=clock.now + 89 * DAY)
    certificate.look()
    certificate.look()
    assert [text for text in log.messages[2:] if "expire" in text] == []
