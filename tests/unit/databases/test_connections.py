from __future__ import annotations

import pytest

from whiteroom.databases.connections import Connection, parse_connection

PASSWORD = "a secret"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://u@db.example.org/clinic", Connection("db.example.org", 5432, "clinic", "u", "", "verify-full")),
        ("postgres://u@db:6432/clinic?sslmode=require", Connection("db", 6432, "clinic", "u", "", "require")),
        ("postgresql://u%40x@127.0.0.1/a%20b", Connection("127.0.0.1", 5432, "a b", "u@x", "", "disable")),
        ("postgresql://u@[::1]:1/c", Connection("::1", 1, "c", "u", "", "disable")),
        (
            "postgresql://u@db/c?sslmode=verify-ca&sslrootcert=/etc/ca.crt",
            Connection("db", 5432, "c", "u", "", "verify-ca", "/etc/ca.crt"),
        ),
    ],
)
def test_a_connection_is_checked_by_its_hosts_certificate_but_on_this_machine(url: str, wanted: Connection) -> None:
    assert parse_connection(url, "") == wanted


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:hunter2@db/clinic", "has a password in it"),
        ("mysql://u@db/clinic", "is not written as postgresql://"),
        ("postgresql://db/clinic", "has a user"),
        ("postgresql://u@/clinic", "has a user"),
        ("postgresql://u@db", "has a user"),
        ("postgresql://u@db:port/clinic", "is not written as"),
        ("postgresql://u@a,b/clinic", "is no host"),
        ("postgresql://u@%2Frun%2Fpostgresql/clinic", "is no host"),
        ("postgresql://u@db/clinic?host=/tmp", "'host' is not said"),
        ("postgresql://u@db/clinic?options=-csearch_path%3Dx", "'options' is not said"),
        ("postgresql://u@db/clinic?service=x", "'service' is not said"),
        ("postgresql://u@db/clinic?sslmode=prefer", "sslmode is 'prefer'"),
        ("postgresql://u@db/clinic?sslrootcert=ca.crt", "absolute path"),
        ("postgresql://u@db/clinic?sslmode=require&sslrootcert=/ca.crt", "under require no certificate"),
        ("postgresql://u@db/cli%00nic", "The database is none"),
        ("postgresql://u%0A@db/clinic", "The user is none"),
    ],
)
def test_what_is_no_connection_is_refused_and_its_password_is_not_repeated(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        parse_connection(url, PASSWORD)
    assert "hunter2" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_what_is_shown_of_a_connection_has_no_password() -> None:
    connection = parse_connection("postgresql://u@[2001:db8::1]/clinic", PASSWORD)
    assert connection.shown == "postgresql://u@[2001:db8::1]:5432/clinic"
    assert PASSWORD not in repr(connection)
