"""E-mail, by the operator's own mail server."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from io import BufferedReader
from typing import Final, Literal

from whiteroom.base.one_line import one_line
from whiteroom.domain.observability.notifications import INVITED, NEEDED, TEST, Notice, NotificationAddress
from whiteroom.ports.notifications import NotDelivered
from whiteroom.senders.deadlines import connected, ended_after

WAIT_SECONDS: Final = 10.0
"""For one step: to connect, and for each part of an answer."""
ALL_SECONDS: Final = 30.0
"""For the whole conversation."""
_LONGEST_NAME: Final = 80
"""Of what members have called something, in a subject."""

_NOT_SET_UP = (
    "No mail server is set up: set smtp_host and smtp_from, and start the server anew (docs/notifications.md)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    """The address that mails come from."""
    user: str = ""
    password: str = field(default="", repr=False)


class MailSender:
    """ports.notifications.Sender for e-mail."""

    def __init__(
        self, server: MailServer | None, wait_seconds: float = WAIT_SECONDS, all_seconds: float = ALL_SECONDS
    ) -> None:
        """Hand mail in at that server; without one nothing is sent, and whoever asks is told why."""
        self._server = server
        self._wait_seconds = wait_seconds
        self._all_seconds = all_seconds

    def send(self, address: NotificationAddress, notice: Notice, now: datetime) -> None:
        """See the port."""
        if self._server is None:
            raise NotDelivered(_NOT_SET_UP)
        message = message_of(self._server.sender, address, notice, now)
        try:
            self._hand_in(self._server, message, address.place)
        except smtplib.SMTPAuthenticationError as error:
            raise NotDelivered(f"The mail server refused smtp_user and its password ({error.smtp_code}).") from None
        except smtplib.SMTPNotSupportedError:
            raise NotDelivered("The mail server offers not what smtp_security or smtp_user ask for.") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = ", ".join(str(code) for code, _ in error.recipients.values())
            raise NotDelivered(f"The mail server refused the recipient ({codes}).") from None
        except smtplib.SMTPResponseException as error:
            raise NotDelivered(f"The mail server refused it ({error.smtp_code}).") from None
        except TimeoutError:
            raise NotDelivered(f"The mail server did not answer within {self._wait_seconds:.0f} seconds.") from None
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise NotDelivered(f"The mail server could not be asked: {reason}.") from None

    def _hand_in(self, server: MailServer, message: EmailMessage, recipient: str) -> None:
        smtp = _Smtp(server, self._wait_seconds)
        with closing(smtp), ended_after(self._all_seconds, lambda: smtp.sock):
            code, _ = smtp.connect(server.host, server.port)
            if code != _READY:
                raise smtplib.SMTPConnectError(code, b"")
            if server.security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(message, server.sender, [recipient])
            with suppress(OSError, smtplib.SMTPException):  # it has been taken by now
                smtp.quit()


class _Smtp(smtplib.SMTP):
    """A connection that is made in time, and with TLS from the first byte on where the settings say so."""

    def __init__(self, server: MailServer, seconds: float) -> None:
        # Without a name of ours smtplib asks the DNS for one, for as long as that takes.
        super().__init__(local_hostname=_domain(server.sender), timeout=seconds)
        self._host = server.host  # the name that a certificate must have
        self._is_tls = server.security == "tls"
        self._seconds = seconds

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - smtplib's signature
        plain = connected(host, port, self._seconds)
        if not self._is_tls:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


class _Bounded:
    """What a server says, up to a number of bytes: beyond that it has said nothing more."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._left = _MOST_BYTES

    def readline(self, size: int) -> bytes:
        line = self._file.readline(min(size, self._left))
        self._left -= len(line)
        return line

    def close(self) -> None:
        self._file.close()


_MOST_BYTES: Final = 65_536
"""Of all answers: smtplib keeps all lines of one."""
_READY = 220


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def message_of(sender: str, address: NotificationAddress, notice: Notice, now: datetime) -> EmailMessage:
    """The mail: the same at every try but for its date."""
    message = EmailMessage()
    message["From"] = formataddr(("Whiteroom", sender))
    message["To"] = address.place
    message["Subject"] = _subject(notice)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{notice.id}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence is answered
    message.set_content("\n".join(_lines(notice)) + "\n")
    return message


def _subject(notice: Notice) -> str:
    name = str(notice.data.get("name") or notice.data.get("jobName") or notice.data.get("collaborationName") or "")
    # An encoded word (RFC 2047) is decoded by `email` itself, line ends and all: none begins in a name.
    named = f" '{one_line(name)[:_LONGEST_NAME].replace('=?', '= ?')}'" if name else ""
    match notice.type:
        case t if t == INVITED:
            return f"Whiteroom: you are invited to the collaboration{named}"
        case t if t == NEEDED:
            return f"Whiteroom: the collaboration{named} waits for you"
        case t if t == TEST:
            return "Whiteroom: a test"
    noun, _, end = notice.type.rpartition(".")
    return f"Whiteroom: {noun.replace('_', ' ')}{named} {end}"


def _lines(notice: Notice) -> Iterator[str]:
    said = _subject(notice).removeprefix("Whiteroom: ")
    yield from (f"{said[0].upper()}{said[1:]}.", "")
    if "action" in notice.data:
        yield from (one_line(str(notice.data["action"])), "")
    for name, value in notice.data.items():
        if name != "action":
            yield f"{name}: {one_line(str(value))}"
    yield from (
        f"time: {notice.created_at:%Y-%m-%d %H:%M:%S} UTC",
        f"id: {notice.id}",
        "",
        "Sign in with your account's own key to read more. The operator of the server has named this address;",
        "`whiteroom notify remove` takes it out.",
    )
