"""What errors of libpq and PostgreSQL mean; that they are these words is tested against a real server."""

from __future__ import annotations

import pytest
from adbc_driver_postgresql import dbapi

from whiteroom.databases.postgresql.errors import is_out_of_memory, of_connecting, of_statement
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved

SHOWN = "postgresql://reader@db:5432/clinic"
BEGINS = "IO: [libpq] Failed to connect: connection to server at"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Connection refused", DatabaseUnreachable),
        ("timeout expired", DatabaseUnreachable),
        ("FATAL:  the database system is starting up", DatabaseUnreachable),
        ("FATAL:  sorry, too many clients already", DatabaseUnreachable),
        ("server closed the connection unexpectedly\n\tThis probably means", DatabaseUnreachable),
        ('FATAL:  password authentication failed for user "reader"', DatabaseRefused),
        ("FATAL:  Passwort-Authentifizierung für Benutzer »reader« fehlgeschlagen", DatabaseRefused),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', DatabaseRefused),
        ("server does not support SSL, but SSL was required", DatabaseRefused),
    ],
)
def test_who_is_refused_is_not_to_ask_again_and_who_hears_nothing_is(words: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as told, of_connecting(dbapi, SHOWN):
        raise dbapi.OperationalError(f'{BEGINS} "db", port 5432 failed: {words}', status_code=10)
    assert str(told.value).startswith(SHOWN)
    assert str(told.value).endswith(".")


def test_what_a_database_says_is_one_short_line_without_control_characters() -> None:
    with pytest.raises(DatabaseRefused) as told, of_connecting(dbapi, SHOWN):
        raise dbapi.OperationalError("FATAL: \x1b[31m" + "x" * 10_000 + "\nmore", status_code=10)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 400


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("42P01", TableMoved),
        ("42703", TableMoved),
        ("42501", DatabaseRefused),
        ("57014", DatabaseUnreachable),
        ("55P03", DatabaseUnreachable),
        ("40001", DatabaseUnreachable),
        ("53300", DatabaseUnreachable),
        ("22P02", DatabaseRefused),
        (None, DatabaseUnreachable),
    ],
)
def test_of_a_statement_nothing_is_told_but_its_code(code: str | None, kind: type[Exception]) -> None:
    with pytest.raises(kind) as told, of_statement(dbapi, SHOWN, "public.rows"):
        raise dbapi.ProgrammingError('invalid input: "SECRET"', status_code=5, sqlstate=code)
    assert "SECRET" not in str(told.value)
    assert SHOWN in str(told.value)


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (MemoryError(), True),
        (OSError("[libpq] PQgetCopyData() failed: out of memory\n"), True),
        (OSError("[libpq] PQgetCopyData() failed: ERROR:  division by zero\n"), False),
        (OSError("[libpq] ERROR:  out of memory. SQLSTATE: 53200"), False),
    ],
)
def test_memory_that_this_process_lacks_is_not_the_databases(error: Exception, is_so: bool) -> None:
    assert is_out_of_memory(error) is is_so
