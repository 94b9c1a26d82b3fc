"""The mail server that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from whiteroom.opening import mail_server
from whiteroom.senders.mail import MailServer
from whiteroom.settings import Settings, SettingsError

SET: dict[str, Any] = {"smtp_host": "mail.example.org", "smtp_from": "room@example.org"}


def test_without_a_host_there_is_none(tmp_path: Path) -> None:
    assert mail_server(Settings(data=tmp_path)) is None


def test_by_default_mail_goes_by_starttls_to_the_port_for_it(tmp_path: Path) -> None:
    wanted = MailServer(host="mail.example.org", port=587, security="starttls", sender="room@example.org")
    assert mail_server(Settings(data=tmp_path, **SET)) == wanted


def test_the_password_is_the_first_line_of_its_file_and_is_shown_in_no_text(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p4ss word\r\nnot this\n")
    named: dict[str, Any] = {"smtp_user": "room", "smtp_security": "tls"}
    named["smtp_password_file"] = str(tmp_path / "password")
    found = mail_server(Settings(data=tmp_path, **SET, **named))
    assert found is not None
    assert (found.user, found.password, found.security) == ("room", "p4ss word", "tls")
    assert "p4ss" not in repr(found)


def test_a_password_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    named: dict[str, Any] = {"smtp_user": "room", "smtp_password_file": str(tmp_path / "none")}
    with pytest.raises(SettingsError, match="smtp_password_file"):
        mail_server(Settings(data=tmp_path, **SET, **named))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"smtp_host": "mail.example.org"}, "smtp_from"),
        ({"smtp_from": "room"}, "smtp_from"),
        ({**SET, "smtp_user": "room"}, "smtp_password_file"),
        ({**SET, "smtp_user": "room", "smtp_password_file": "/x", "smtp_security": "none"}, "smtp_security"),
        ({**SET, "smtp_port": 65_536}, "smtp_port"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(tmp_path: Path, values: dict[str, Any], names: str) -> None:
    with pytest.raises(SettingsError, match=names):
        Settings(data=tmp_path, **values)
