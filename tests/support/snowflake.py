"""What answers as Snowflake does, over its own protocol: fakesnow's server, in a process and an environment of its own.

It lets everybody in, has no warehouses, roles or rights, answers in one piece, and has TIMESTAMP_LTZ as TIMESTAMP_TZ.
"""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.answering import until_it_answers
from support.ports import free_port
from whiteroom.databases.kinds import parse_any
from whiteroom.databases.snowflake.connections import SnowflakeConnection
from whiteroom.databases.snowflake.options import options
from whiteroom.domain.privacy.relations import Relation

PYTHON = Path(__file__).parents[2] / ".venv-fakesnow" / "bin" / "python"
PASSWORD = "p@ss:w/o rd%41?'\"\\é"
ACCOUNT = "acme-clinic"
SCHEMA = "WARD"
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Snowflake:
    """The server."""

    port: int

    def database(self) -> SnowflakeDatabase:
        """A new one, with a schema, that nobody else has."""
        made = SnowflakeDatabase(self, f"LAKE{next(_NUMBERS)}")
        made.run(f"CREATE DATABASE {made.name}", f"CREATE SCHEMA {made.name}.{SCHEMA}")
        return made

    def url(self, port: int | None = None) -> str:
        """As an operator writes it."""
        return f"snowflake://reader@{ACCOUNT}?warehouse=small&role=reading&host=127.0.0.1:{port or self.port}"

    def connection(self, port: int | None = None) -> SnowflakeConnection:
        """The reader's."""
        made = parse_any(self.url(port), PASSWORD)
        assert isinstance(made, SnowflakeConnection)
        return made


@dataclass(frozen=True)
class SnowflakeDatabase:
    """A database of the server."""

    server: Snowflake
    name: str

    def run(self, *statements: str) -> None:
        """Each by itself."""
        from adbc_driver_snowflake import dbapi

        with (
            dbapi.connect(db_kwargs=options(self.server.connection(), 60), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)

    def table(self, name: str, columns: str, *rows: str) -> None:
        """A table of the schema; each row is what is selected."""
        place = f"{self.name}.{SCHEMA}.{name}"
        self.run(f"CREATE TABLE {place} ({columns})", *(f"INSERT INTO {place} SELECT {row}" for row in rows))

    def relation(self, name: str, types: dict[str, str], **changes: Any) -> Relation:
        """The table as a reference names it."""
        said = {"connection": "clinic", "schema": SCHEMA, "account": ACCOUNT, "database": self.name, **changes}
        return Relation(name=name, types=types, **said)


@contextlib.contextmanager
def snowflake_server(folder: Path) -> Iterator[Snowflake]:
    """A server that is gone afterwards, with all that it held."""
    assert PYTHON.is_file(), "there is no fakesnow: `make test-services` makes .venv-fakesnow"
    port = free_port()
    with (folder / "fakesnow.log").open("wb") as log:
        process = subprocess.Popen(
            [PYTHON, "-I", "-m", "fakesnow", "-s", "-p", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    server = Snowflake(port)
    try:
        _wait_for(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _wait_for(server: Snowflake, process: subprocess.Popen[bytes]) -> None:
    from adbc_driver_snowflake import dbapi

    def ask() -> None:
        with dbapi.connect(db_kwargs=options(server.connection(), 60), autocommit=True):
            pass

    until_it_answers(process, ask, (dbapi.Error,))
