"""A real PostgreSQL, in processes of its own; each test has a database of its own in it."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.answering import until_it_answers
from support.ports import free_port
from whiteroom.databases.connections import Connection, parse_connection

READER, PASSWORD = "reader", "p@ss:w/o rd%41?'\"\\é"
"""A user who may read what it is granted, and nothing else; its password needs care wherever it is written."""
ADMIN, ADMIN_PASSWORD = "postgres", "tests"
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class PostgreSql:
    """The server."""

    port: int
    authority: Path
    """A certificate, its own, that is of `localhost`."""

    def database(self) -> Database:
        """A new one, that nobody else has."""
        name = f"clinic {next(_NUMBERS)}"
        with _admin(self.port, "postgres") as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        return Database(self, name)


@dataclass(frozen=True)
class Database:
    """A database of the server, and its administrator."""

    server: PostgreSql
    name: str

    def run(self, *statements: str) -> None:
        """As its administrator, each in a transaction of its own."""
        with _admin(self.server.port, self.name) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with _admin(self.server.port, self.name) as cursor:
            cursor.execute(query)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def table(self, name: str, columns: str, *rows: str) -> None:
        """A table of the schema `public` that the reader may read."""
        self.run(f"CREATE TABLE {name} ({columns})", f"GRANT SELECT ON {name} TO {READER}")
        for row in rows:
            self.run(f"INSERT INTO {name} VALUES {row}")

    def url(self, port: int | None = None) -> str:
        """As an operator writes it."""
        return f"postgresql://{READER}@127.0.0.1:{port or self.server.port}/{self.name.replace(' ', '%20')}"

    def connection(self, port: int | None = None, password: str = PASSWORD) -> Connection:
        """The reader's."""
        return parse_connection(self.url(port), password)


@contextlib.contextmanager
def _admin(port: int, database: str) -> Iterator[Any]:
    from adbc_driver_postgresql import dbapi

    uri = f"postgresql://{ADMIN}:{ADMIN_PASSWORD}@127.0.0.1:{port}/{database.replace(' ', '%20')}"
    with dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


@contextlib.contextmanager
def postgresql_server() -> Iterator[PostgreSql]:
    """A server that is gone afterwards, with all that it held."""
    # Not below pytest's folders, which its user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="whiteroom-postgresql-", dir="/dev/shm" if _room() else None))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    programs = _programs()
    try:
        _make(folder, programs, as_user)
        port = free_port()
        options = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": str(folder / "server.crt"),
            "ssl_key_file": str(folder / "server.key"),
        }
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True, **as_user
            )
        try:
            _wait_for(port, process)
            with _admin(port, "postgres") as cursor:
                password = PASSWORD.replace("'", "''")
                cursor.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'")
            yield PostgreSql(port, folder / "server.crt")
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _room() -> bool:
    return Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > 2**30


def _programs() -> Path:
    """Where Debian's package, or another, has them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    assert initdb, "there is no PostgreSQL: install Debian's package postgresql"
    return Path(initdb).resolve().parent


def _make(folder: Path, programs: Path, as_user: dict[str, Any]) -> None:
    (folder / "password").write_text(ADMIN_PASSWORD)
    key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    key += ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt"), "-days", "2"]
    key += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", ADMIN, "-A", "scram-sha-256"]
    made += [f"--pwfile={folder / 'password'}", "-E", "UTF8", "--no-locale", "-N"]
    for command in (key, made):
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **as_user)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    from adbc_driver_postgresql import dbapi

    def ask() -> None:
        with _admin(port, "postgres"):
            pass

    until_it_answers(process, ask, (dbapi.Error,))


@dataclass
class Wire:
    """What stands between the server and a database, and cuts."""

    port: int
    cut_after: int | None = None
    """How many bytes of answers a connection lets through before it ends; None for all."""
    refuses: bool = False
    """Whether nobody is let through."""
    cuts: int = 0
    refused: int = 0


@contextlib.contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    """A wire to a database of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        wire = Wire(listening.getsockname()[1])
        threading.Thread(target=_accept, args=(listening, wire, port), daemon=True).start()
        yield wire
        # Wakes the thread, which a close alone does not.
        listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, wire: Wire, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = listening.accept()
            if wire.refuses:
                near.close()
                wire.refused += 1
                continue
            far = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_pump, args=(near, far, None), daemon=True).start()
            threading.Thread(target=_pump, args=(far, near, wire), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, wire: Wire | None) -> None:
    passed = 0
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            passed += len(piece)
            if wire is not None and wire.cut_after is not None and passed > wire.cut_after:
                wire.cuts += 1
                break
            target.sendall(piece)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
