"""Real receivers of notifications: an HTTP server and an SMTP server, each on loopback, and a certificate for both."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Posted:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came to a webhook, and what it answers."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Of the next requests; 204 once they are over."""
    location: str = ""
    """Where answers lead that are redirects."""
    before_answering: Callable[[], object] = lambda: None
    _came: threading.Condition = field(default_factory=threading.Condition)

    def take(self, posted: Posted) -> int:
        with self._came:
            self.posted.append(posted)
            self._came.notify_all()
            return self.answers.pop(0) if self.answers else 204

    def wait_for(self, count: int) -> list[Posted]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.posted) >= count, 60), self.posted
            return list(self.posted)


@contextmanager
def http_receiver(certificate: Path | None = None) -> Iterator[Receiver]:
    """A webhook's server; by TLS where it has a certificate."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(Posted(self.path, headers, body))
            receiver.before_answering()
            with suppress(OSError):
                self.send_response(status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate is not None:
        server.socket = _tls(certificate).wrap_socket(server.socket, server_side=True)
        scheme = "https"
    receiver.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/hook?team=a"
    with _serving(server):
        yield receiver


@contextmanager
def rude_receiver(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where whoever connects is talked to so."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_ones.append(connection)
                with suppress(OSError):
                    talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        for one in (listener, *open_ones):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        thread.join()


@dataclass
class Mailbox:
    """What came by mail, and what the server asks for."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """The commands that came, before TLS and after it."""
    refuse: bytes = b""
    """The answer to a recipient, where it is refused."""
    logins: list[bytes] = field(default_factory=list)
    over_tls: bool = False
    _came: threading.Condition = field(default_factory=threading.Condition)

    def take(self, mail: bytes) -> None:
        with self._came:
            message = message_from_bytes(mail, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.mails.append(message)
            self._came.notify_all()

    def wait_for(self, count: int) -> list[EmailMessage]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.mails) >= count, 60), self.said
            return list(self.mails)


class _MailHandler(StreamRequestHandler):
    """One conversation."""

    server: _MailServer

    def handle(self) -> None:
        with suppress(OSError):
            if self.server.tls_at_once:
                self._encrypt()
            self._say(b"220 mail.test ready")
            while (line := self.rfile.readline(1_000)) and self._answer(line.strip()):
                pass

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _answer(self, command: bytes) -> bool:
        mailbox, verb = self.server.mailbox, command[:4].upper()
        mailbox.said.append(command.decode())
        if verb == b"EHLO":
            offers = [b"250-STARTTLS"] if self.server.certificate is not None and not mailbox.over_tls else []
            self._say(b"\r\n".join((b"250-mail.test", *offers, b"250 AUTH PLAIN")))
        elif verb == b"STAR":
            self._say(b"220 go on")
            self._encrypt()
        elif verb == b"AUTH":
            mailbox.logins.append(command)
            self._say(b"235 welcome")
        elif verb == b"RCPT":
            mailbox.recipients.append(command.decode())
            self._say(mailbox.refuse or b"250 fine")
        elif verb == b"DATA":
            self._say(b"354 go on")
            mailbox.take(b"".join(iter(lambda: self.rfile.readline(10_000), b".\r\n")))
            self._say(b"250 taken")
        else:
            self._say(b"221 bye" if verb == b"QUIT" else b"250 fine")
        return verb != b"QUIT"

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def _encrypt(self) -> None:
        assert self.server.certificate is not None
        for file in (self.rfile, self.wfile):
            file.close()
        self.connection = _tls(self.server.certificate).wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.server.mailbox.over_tls = True


class _MailServer(ThreadingTCPServer):
    daemon_threads = False

    def __init__(self, certificate: Path | None, *, tls_at_once: bool) -> None:
        super().__init__(("127.0.0.1", 0), _MailHandler)
        self.mailbox, self.certificate, self.tls_at_once = Mailbox(self.server_address[1]), certificate, tls_at_once

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of a client that does not trust the certificate; tests see what came."""


@contextmanager
def mail_receiver(certificate: Path | None = None, *, tls_at_once: bool = False) -> Iterator[Mailbox]:
    """A mail server, with STARTTLS where it has a certificate, or TLS from the first byte on."""
    server = _MailServer(certificate, tls_at_once=tls_at_once)
    with _serving(server):
        yield server.mailbox


def certificate_for_loopback(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that has signed itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    unencrypted = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    path = folder / "loopback.pem"
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def _serving(server: ThreadingTCPServer | ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
