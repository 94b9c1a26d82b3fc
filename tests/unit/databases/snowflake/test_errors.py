"""What errors mean, by their numbers: whether the same may succeed later."""

from __future__ import annotations

from types import ModuleType

import pytest

from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved
from whiteroom.databases.snowflake.errors import of_connecting, of_statement


class DriverError(Exception):
    def __init__(self, words: str, code: int | None = None, state: str | None = None) -> None:
        super().__init__(words)
        self.vendor_code = code
        self.sqlstate = state


class Driver(ModuleType):
    Error = DriverError


DRIVER = Driver("driver")


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        ("IO: [Snowflake] 390100 (08004): Incorrect username or password was specified.", 390100, DatabaseRefused),
        ("IO: 260008: failed to connect to db. verify account name is correct.", 260008, DatabaseRefused),
        ("IO: 260007: service is unavailable.", 260007, DatabaseUnreachable),
        ('IO: Post "https://x": dial tcp 127.0.0.1:1: connect: connection refused', None, DatabaseUnreachable),
        ('IO: Post "https://x": EOF', None, DatabaseUnreachable),
        (
            "IO: tls: failed to verify certificate: x509: signed by unknown authority",
            None,
            DatabaseUnreachable,
        ),
        ("IO: 261004: failed to auth for unknown reason. HTTP: 403", 261004, DatabaseUnreachable),
        ("IO: invalid character 'h' looking for beginning of value", None, DatabaseUnreachable),
    ],
)
def test_a_connection_that_failed_is_tried_again_where_that_is_known_to_help(
    words: str, code: int | None, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="shown"), of_connecting(DRIVER, "shown"):
        raise DriverError(words, code)


@pytest.mark.parametrize(
    ("code", "state", "kind"),
    [
        (2003, "42S02", TableMoved),
        (2043, "02000", TableMoved),
        (904, "42000", TableMoved),
        (606, "57P03", DatabaseRefused),
        (3001, "42501", DatabaseRefused),
        (604, "57014", DatabaseUnreachable),
        (None, None, DatabaseUnreachable),
        (1003, "42000", DatabaseRefused),
        (100035, "22007", DatabaseRefused),
    ],
)
def test_a_statement_that_failed_is_told_by_its_number_and_never_by_its_words(
    code: int | None, state: str | None, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught, of_statement(DRIVER, "shown", "A.B.C"):
        raise DriverError("the value 'SECRET' is none", code, state)
    assert "SECRET" not in str(caught.value)
    assert "A.B.C" in str(caught.value) or kind is DatabaseUnreachable
