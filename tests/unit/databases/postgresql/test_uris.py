from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from whiteroom.databases.connections import parse_connection
from whiteroom.databases.postgresql.uris import uri

PASSWORD = "p@ss:w/o rd?&=%41#'\"\\é"


def test_nothing_of_a_password_is_read_as_anything_else() -> None:
    parts = urlsplit(uri(parse_connection("postgresql://u%40x@db.example.org/a%20b", PASSWORD)))
    assert (parts.hostname, parts.port) == ("db.example.org", 5432)
    assert unquote(str(parts.username)) == "u@x"
    assert unquote(str(parts.password)) == PASSWORD
    assert unquote(parts.path) == "/a b"


def test_libpq_looks_for_nothing_of_this_machines_user() -> None:
    options = parse_qs(urlsplit(uri(parse_connection("postgresql://u@db/c", ""))).query)
    assert (options["passfile"], options["sslcertmode"], options["gssencmode"]) == (
        ["/dev/null"],
        ["disable"],
        ["disable"],
    )


@pytest.mark.parametrize(
    ("asked", "mode", "authorities"),
    [
        ("", "verify-full", True),
        ("?sslmode=verify-ca&sslrootcert=/x/a%20b.crt", "verify-ca", True),
        ("?sslmode=require", "require", False),
    ],
)
def test_a_certificate_is_held_to_authorities_where_it_is_checked(asked: str, mode: str, authorities: bool) -> None:
    options = parse_qs(urlsplit(uri(parse_connection(f"postgresql://u@db/c{asked}", ""))).query)
    assert options["sslmode"] == [mode]
    assert ("sslrootcert" in options) is authorities
